"""What is built for a component: its manifests, its programs, its images."""

from __future__ import annotations

from .. import images
from .._artifacts import Artifact, digest
from ..images import Image
from ..programs import ModuleFiles, Program
from ._declaration import OWN, Declaration, ImageMap


def artifacts(component: Declaration, *, upstream: bool = False) -> list[Artifact]:
    """What must be in the cache before the component can be enabled.

    :param upstream: with images pulled from upstream, so that none is built.
    """
    needed = [files(component).artifact] if component.sources else []
    return needed + [each.artifact for each in built(component, upstream=upstream)]


def built(component: Declaration, *, upstream: bool = False) -> list[Image]:
    """Its images that are built here: all that can be, or with upstream's the course's own."""
    own = [i for i in component.images if not i.pulled and not (upstream and i.upstream)]
    return [image(component, each) for each in own]


def files(component: Declaration) -> ModuleFiles:
    """The manifests that its modules carry."""
    return ModuleFiles(component.name, component.sources)


def programs(component: Declaration) -> list[Program]:
    """The one Go build that makes all its programs; none where it compiles nothing."""
    packages = tuple(each.program for each in component.images if each.program)
    if not packages:
        return []
    files = dict.fromkeys(name for each in component.images for name in each.files)
    return [
        Program(
            component.name,
            packages,
            module=component.module,
            release=component.release,
            files=tuple(files),
            tags=component.tags,
        )
    ]


def image(component: Declaration, mapped: ImageMap) -> Image:
    """The image that is built here for a name of the manifests."""
    if mapped.image:
        return images.CATALOGUE[mapped.image]
    (program,) = programs(component)
    binary = _binary(component, mapped)
    name = component.name if binary == component.name else f"{component.name}-{binary}"
    return Image(
        name, program, program=binary, files=mapped.files, revision=_revision(component, mapped)
    )


def _binary(component: Declaration, mapped: ImageMap) -> str:
    """What Go calls the program: the only one of a component has the component's name."""
    packages = {each.program for each in component.images if each.program}
    return component.name if len(packages) == 1 else mapped.program.rpartition("/")[2]


def _revision(component: Declaration, mapped: ImageMap) -> str:
    """A program of the course's own changes without its version: a cluster must see that."""
    if not mapped.program.startswith(OWN):
        return ""
    return digest(Program(component.name).folder / mapped.program.rpartition("/")[2])[:8]


def own_images(component: Declaration, *, upstream: bool = False) -> tuple[str, ...]:
    """The images that only this component runs, by the names the course gives them."""
    unshared = [i for i in component.images if i.program or i.own]
    own = [i for i in unshared if not (upstream and i.upstream)]
    return tuple(image(component, each).reference for each in own)


def version(component: Declaration) -> str:
    """The version people know it by."""
    return Program(component.name, module=component.module, release=component.release).version


def upstream_reference(component: Declaration, mapped: ImageMap) -> str:
    """The published image that a name of the manifests stands for; built where there is none."""
    if not mapped.upstream:
        return image(component, mapped).reference
    return f"{mapped.upstream}:{mapped.tag or image(component, mapped).source.version}"
