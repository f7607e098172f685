"""Keys and certificates, made once for the life of the cluster."""

from __future__ import annotations

from ...._files import write
from .. import pki
from ..node import Node


def write_certificates(node: Node) -> None:
    complete = node.folder / "pki" / ".complete"
    if complete.exists():
        return
    (node.folder / "pki").mkdir(parents=True, exist_ok=True, mode=0o700)
    pki.write_all(node)
    write(complete, "")
