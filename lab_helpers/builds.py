"""Building ahead, and clearing away."""

from __future__ import annotations

from contextlib import AbstractContextManager

from . import images, programs
from ._artifacts import prune
from ._config import settings
from ._exceptions import LabError, UsageError
from ._files import give_to_owner, locked, remove_tree
from .cluster.embedded import artifacts


def build(names: list[str]) -> None:
    """Build programs and images by name, or all that the course needs and is missing.

    :raises UsageError: there is nothing of that name.
    """
    known = {**programs.CATALOGUE, **images.CATALOGUE}
    for name in names:
        if name not in known:
            raise UsageError(f"nothing here is called {name!r}", remedy=", ".join(sorted(known)))
    if not names:
        build_all()
        return
    with _building():
        programs.build([n for n in programs.CATALOGUE if n in names])
        images.build([n for n in images.CATALOGUE if n in names])


def build_all() -> None:
    """Build what the course needs and is missing, and drop what only building needed."""
    if all(artifact.exists for artifact in artifacts.needed()):
        return
    with _building():
        scaffolding = [settings().cache / name for name in ("go", "buildah", "overlay")]
        try:
            for artifact in artifacts.needed():
                artifact.build()
        finally:
            # An interrupted build goes on from here, under sudo or not.
            for folder in scaffolding:
                give_to_owner(folder)
        prune(artifacts.needed())
        for folder in scaffolding:
            remove_tree(folder)


def _building() -> AbstractContextManager[None]:
    """One build at a time: who is done first clears away what others would compile with."""
    return locked(settings().cache / ".build.lock", "building", timeout=3600)


def purge() -> None:
    """Remove the whole cache.

    :raises LabError: a cluster still lives in it.
    """
    alive = sorted(path.parent.name for path in settings().clusters.glob("*/node.json"))
    if alive:
        raise LabError(
            "the cache is in use by a cluster",
            seen=", ".join(alive),
            remedy="LAB_NAME=NAME ./lab down, then again",
        )
    remove_tree(settings().cache)
