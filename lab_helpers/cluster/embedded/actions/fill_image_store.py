"""The images of the addons, in the container runtime's store before it starts."""

from __future__ import annotations

from ...._files import read_json, remove_tree, write_json
from .. import image_store
from ..node import Node


def fill_image_store(node: Node) -> None:
    """Begin with a filled store; begin anew when the images are of another version.

    What else was in it (pulled images) can be pulled again.
    """
    store, record = node.folder / "containerd", node.folder / "image-store.json"
    want = {"artifact": image_store.artifact().path.name}
    if store.exists() and read_json(record) == want:
        return
    remove_tree(store)
    image_store.link_into(store)
    write_json(record, want)
