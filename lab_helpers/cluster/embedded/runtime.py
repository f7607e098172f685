"""The node's container runtime, spoken to through its own client."""

from __future__ import annotations

from collections.abc import Sequence
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


def image_digests(node: Node) -> dict[str, str]:
    """The digests of the images that are there, by their names."""
    _, *rows = ctr(node, "images", "list").splitlines()
    return {name: digest for name, _, digest, *_ in (row.split() for row in rows)}


def remove_images(node: Node, references: Sequence[str]) -> None:
    """Remove images under all their names; the kubelet has one of its own for each."""
    names = image_digests(node)
    gone = {names[reference] for reference in references if reference in names}
    if gone:
        ctr(node, "images", "remove", *(name for name, digest in names.items() if digest in gone))
