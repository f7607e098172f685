"""What the notebooks use: one connection, and the errors it may raise.

    from lab_helpers import connect

    lab = connect()
    lab.kubectl("get", "nodes")

Everything else hangs on the :class:`Lab` that :func:`connect` returns.
"""

from ._exceptions import (
    CommandError,
    LabError,
    NotebookError,
    Unsupported,
    UsageError,
    WaitTimeout,
)
from ._lab import Lab, connect
from .checks import Check, CheckFailed, Exercise, Hint

__all__ = [
    "Check",
    "CheckFailed",
    "CommandError",
    "Exercise",
    "Hint",
    "Lab",
    "LabError",
    "NotebookError",
    "Unsupported",
    "UsageError",
    "WaitTimeout",
    "connect",
]
