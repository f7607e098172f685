"""The node's ``bin``: links to the programs in the cache, under the names they run as."""

from __future__ import annotations

from pathlib import Path

from ...._files import remove_tree
from ....packages import packages
from ....programs import CATALOGUE
from ..artifacts import PROGRAMS
from ..node import INSIDE, Node
from ..services import links


def link_programs(node: Node) -> None:
    folder = node.folder / "bin"
    remove_tree(folder)
    folder.mkdir(parents=True)
    inside = {name: INSIDE / "artifacts" / CATALOGUE[name].artifact.path.name for name in PROGRAMS}
    for name, target in links(inside).items():
        (folder / name).symlink_to(target)
    (folder / "kubectl").symlink_to(CATALOGUE["kubernetes"].binary)
    (folder / "cni").symlink_to(INSIDE / "artifacts" / packages.root.name / _cni_folder())


def _cni_folder() -> Path:
    """Where the CNI plugins are in the unpacked packages."""
    return packages.find_file("usr/lib/cni/ptp").parent.relative_to(packages.root)
