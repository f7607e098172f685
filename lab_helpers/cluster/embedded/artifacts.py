"""Everything the embedded cluster is made of, built where it is missing."""

from __future__ import annotations

from ... import images, programs
from ...packages import packages
from .actions.import_images import ADDON_IMAGES
from .actions.link_programs import PROGRAMS

ADDON_PROGRAMS = ("coredns", "registry", "hostpath-provisioner", "metrics-server", "podinfo")


def build_all() -> None:
    """Build what is missing; what is there already takes no time."""
    packages.artifact.build()
    programs.build([*PROGRAMS, *ADDON_PROGRAMS])
    images.build([*ADDON_IMAGES, "podinfo"])
