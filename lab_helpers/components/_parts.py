"""What is built for a component: its manifests, its programs, its images."""

from __future__ import annotations

from .. import images
from .._artifacts import Artifact
from ..images import Image
from ..programs import ModuleFiles, Program
from ._declaration import Declaration, ImageMap


def artifacts(component: Declaration, *, upstream: bool = False) -> list[Artifact]:
    """What must be in the cache before the component can be enabled.

    :param upstream: with images pulled from upstream, so that none is built.
    """
    needed = [files(component).artifact] if component.sources else []
    if not upstream:
        needed += [image(component, each).artifact for each in component.images]
    return needed


def files(component: Declaration) -> ModuleFiles:
    """The manifests that its modules carry."""
    return ModuleFiles(component.name, component.sources)


def programs(component: Declaration) -> list[Program]:
    """The one Go build that makes all its programs; none where it compiles nothing."""
    packages = tuple(each.program for each in component.images if each.program)
    if not packages:
        return []
    return [Program(component.name, packages, module=component.module, release=component.release)]


def image(component: Declaration, mapped: ImageMap) -> Image:
    """The image that is built here for a name of the manifests."""
    if mapped.image:
        return images.CATALOGUE[mapped.image]
    (program,) = programs(component)
    binary = mapped.program.rpartition("/")[2]
    return Image(f"{component.name}-{binary}", program, program=binary)


def own_images(component: Declaration) -> tuple[str, ...]:
    """The images that only this component runs, by the names the course gives them."""
    return tuple(image(component, each).reference for each in component.images if each.program)


def version(component: Declaration) -> str:
    """The version people know it by."""
    return Program(component.name, module=component.module, release=component.release).version


def upstream_reference(component: Declaration, mapped: ImageMap) -> str:
    """The published image that a name of the manifests stands for."""
    return f"{mapped.upstream}:{mapped.tag or image(component, mapped).source.version}"
