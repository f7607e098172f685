"""The images of the addons, put into the container runtime's store."""

from __future__ import annotations

from pathlib import Path

from .... import _wait
from ...._exceptions import CommandError
from ...._files import read_json, write_json
from ....images import CATALOGUE as IMAGES
from ....images import Image
from .. import sandbox
from ..node import INSIDE, Node

ADDON_IMAGES = (
    "pause",
    "coredns",
    "traefik",
    "hostpath-provisioner",
    "registry",
    "metrics-server",
)


def import_images(node: Node) -> None:
    """Import what this node does not have yet; the record of it is kept beside the store."""
    record = node.folder / "containerd" / "imported.json"
    have = read_json(record) or {}
    want = {name: IMAGES[name].artifact.key for name in ADDON_IMAGES}
    missing = [IMAGES[name] for name, key in want.items() if have.get(name) != key]
    _wait.until("the container runtime to answer", lambda: _answering(node), timeout=20)
    for image in missing:
        import_archive(node, _inside(image))
    write_json(record, want)


def import_archive(node: Node, archive: Path) -> None:
    """Import an OCI archive, named by the path that the sandbox sees."""
    sandbox.enter(node, [*CTR, "images", "import", archive], "mount", "net", timeout=300)


def _inside(image: Image) -> Path:
    return INSIDE / "artifacts" / image.artifact.path.name / image.archive.name


CTR = ("ctr", "--address", "/run/containerd/containerd.sock", "--namespace", "k8s.io")


def _answering(node: Node) -> None:
    try:
        sandbox.enter(node, [*CTR, "version"], "mount", "net", timeout=10)
    except CommandError as refused:
        raise _wait.NotYet(refused.output) from refused
