"""What the notebooks use: one connection, and the errors it may raise.

    from lab_helpers import connect

    lab = connect()
    lab.kubectl("get", "nodes")

Everything else hangs on the :class:`Lab` that :func:`connect` returns.
"""

from ._exceptions import (
    CheckFailed,
    CommandError,
    Hint,
    LabError,
    Unsupported,
    UsageError,
    WaitTimeout,
)
from ._lab import Lab, connect
from .checks import Check, Exercise

__all__ = [
    "Check",
    "CheckFailed",
    "CommandError",
    "Exercise",
    "Hint",
    "Lab",
    "LabError",
    "Unsupported",
    "UsageError",
    "WaitTimeout",
    "connect",
]
