"""Everything the embedded cluster and the lessons on it are made of."""

from __future__ import annotations

from ... import images, programs
from ..._artifacts import Artifact
from ...packages import packages
from . import image_store

PROGRAMS = ("kubernetes", "etcd", "forward")
"""The programs of the node itself; those in images are built when the image is."""
LESSON_IMAGES = ("podinfo",)


def needed() -> list[Artifact]:
    """What must be in the cache before a cluster can start, in the order of building."""
    return [
        packages.artifact,
        *(programs.CATALOGUE[name].artifact for name in PROGRAMS),
        image_store.artifact(),
        *(images.CATALOGUE[name].artifact for name in LESSON_IMAGES),
    ]
