"""The node's container runtime, spoken to through its own client."""

from __future__ import annotations

from pathlib import Path

from ..._exec import Argument
from . import sandbox
from .node import Node

_CTR = ("ctr", "--address", "/run/containerd/containerd.sock", "--namespace", "k8s.io")


def ctr(node: Node, *arguments: Argument) -> str:
    """Run the runtime's client inside the sandbox.

    :raises CommandError: the runtime refused.
    """
    return sandbox.enter(node, [*_CTR, *arguments], "mount", "net", "pid", timeout=300)


def import_archive(node: Node, archive: Path) -> None:
    """Import an OCI archive, named by the path that the sandbox sees."""
    ctr(node, "images", "import", archive)
