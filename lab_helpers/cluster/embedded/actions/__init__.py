"""The making of a node, one step a file, in the order of ``CREATE``.

Each step is a function of the node that can be run again: it finds what an interrupted run left
and goes on from there. The same list starts a node that exists.
"""

from __future__ import annotations

from collections.abc import Callable

from ..node import Node
from .apply_addons import apply_addons
from .fill_image_store import fill_image_store
from .link_programs import link_programs
from .start_sandbox import start_sandbox
from .wait_until_ready import wait_until_ready
from .write_certificates import write_certificates
from .write_configuration import write_configuration

Action = Callable[[Node], None]

CREATE: tuple[Action, ...] = (
    write_certificates,
    link_programs,
    write_configuration,
    fill_image_store,
    start_sandbox,
    apply_addons,
    wait_until_ready,
)
