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
    (folder / "packages").symlink_to(INSIDE / "artifacts" / packages.root.name)
    (folder / "cni").symlink_to(_seen_inside(packages.find_file("usr/lib/cni/ptp").parent))


def _seen_inside(path: Path) -> Path:
    """A path of the unpacked packages as the sandbox sees it; one of the system is the same."""
    if path.is_relative_to(packages.root):
        return Path("packages") / path.relative_to(packages.root)
    return path
