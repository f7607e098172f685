"""The container runtime's store, filled once and given to every new cluster.

Unpacking half a gigabyte of images would be the longest step of a cluster's start. It is done
once, into an artefact; a new cluster gets hard links to it, which take no time and no space.
Layers and blobs are never written again, so sharing them is safe; the databases beside them are
copied.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from ... import _progress
from ..._artifacts import Artifact, digest
from ..._exec import as_root, run
from ..._files import remove_tree
from ...images import CATALOGUE as IMAGES
from ...packages import packages

ADDON_IMAGES = (
    "pause",
    "coredns",
    "traefik",
    "hostpath-provisioner",
    "registry",
    "metrics-server",
)
_SCRIPT = Path(__file__).parent / "etc" / "fill-image-store.sh"


def artifact() -> Artifact:
    """The filled store of the addons' images."""
    key = digest(
        _SCRIPT, *(IMAGES[name].artifact.key for name in ADDON_IMAGES), packages.artifact.key
    )
    return Artifact("image-store", "unpack the addons' images", key, _fill, owned=False)


def _fill(folder: Path, step: _progress.Step) -> None:
    archives = []
    for name in ADDON_IMAGES:
        step.update(name)
        IMAGES[name].artifact.build()
        archives.append(IMAGES[name].archive)
    step.update("unpacking")
    run(
        as_root(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
             "sh", _SCRIPT, folder / "store", *archives],
            **packages.environment(),
        )
    )  # fmt: skip


def link_into(target: Path) -> None:
    """Give a cluster a store of its own, as links to the filled one."""
    unfinished = target.with_name(f".{target.name}.unfinished")
    remove_tree(unfinished)
    shutil.copytree(artifact().path / "store", unfinished, symlinks=True, copy_function=_link)
    unfinished.rename(target)


def _link(source: str, target: str) -> None:
    if source.endswith(".db"):
        shutil.copy2(source, target)
    else:
        Path(target).hardlink_to(source)
