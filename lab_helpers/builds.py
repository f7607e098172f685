"""Building ahead, and clearing away."""

from __future__ import annotations

from . import images, programs
from ._artifacts import prune
from ._config import settings
from ._exceptions import LabError, UsageError
from ._files import remove_tree
from .packages import packages


def build(names: list[str]) -> None:
    """Build programs and images by name, or all that are missing.

    :raises UsageError: there is nothing of that name.
    """
    known = {**programs.CATALOGUE, **images.CATALOGUE}
    for name in names:
        if name not in known:
            raise UsageError(f"nothing here is called {name!r}", remedy=", ".join(sorted(known)))
    packages.artifact.build()
    programs.build([n for n in programs.CATALOGUE if n in names or not names])
    images.build([n for n in images.CATALOGUE if n in names or not names])
    prune_cache()


def prune_cache() -> None:
    """Keep what the current version of the course uses, and what a cluster runs on."""
    programs.prune_compiler_cache()
    current = [packages.artifact, programs.TOOLCHAIN.artifact]
    current += [p.artifact for p in programs.CATALOGUE.values()]
    current += [i.artifact for i in images.CATALOGUE.values()]
    prune(current)


def purge() -> None:
    """Remove the whole cache.

    :raises LabError: a cluster still lives in it.
    """
    alive = [p.name for p in settings().clusters.glob("*/node.json")]
    if alive:
        raise LabError(
            "the cache is in use by a cluster",
            seen=", ".join(sorted(p.parent.name for p in settings().clusters.glob("*/node.json"))),
            remedy="LAB_NAME=NAME ./lab down, then again",
        )
    remove_tree(settings().cache)
