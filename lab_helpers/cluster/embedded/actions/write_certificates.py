"""Keys and certificates, made once for the life of the cluster."""

from __future__ import annotations

from ...._files import read_json, write_json
from .. import pki
from ..node import Node


def write_certificates(node: Node) -> None:
    """Make them all, unless there are whole ones of this shape and for this address."""
    complete = node.folder / "pki" / "complete.json"
    want = {"address": node.address, "layout": pki.LAYOUT}
    if read_json(complete) == want:
        return
    (node.folder / "pki").mkdir(parents=True, exist_ok=True, mode=0o700)
    pki.write_all(node)
    write_json(complete, want, mode=0o600)
