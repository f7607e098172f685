"""Everything the embedded cluster is made of, built where it is missing."""

from __future__ import annotations

from ... import images, programs
from ...packages import packages
from . import image_store
from .actions.link_programs import PROGRAMS


def build_all() -> None:
    """Build what is missing; what is there already takes no time."""
    packages.artifact.build()
    programs.build([*PROGRAMS])
    if not image_store.artifact().exists:
        images.build([*image_store.ADDON_IMAGES])
        image_store.artifact().build()
    images.build(["podinfo"])
