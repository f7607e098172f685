"""What a component says of itself: ``manifests/components/NAME/component.yaml``."""

from __future__ import annotations

from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from .. import _yaml
from .._config import ROOT
from .._exceptions import LabError, UsageError

COMPONENTS = ROOT / "manifests" / "components"
DECLARATION = "component.yaml"
OWN = "lab/programs/"
"""How the packages of the course's own programs begin."""
Version = Annotated[str, Field(pattern=r"^v\d+\.\d+\.\d+((a|b|rc)\d+)?$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Upstream(_Strict):
    """Where the system comes from.

    :ivar status: whether it is looked after, in a few words.
    """

    page: str
    status: str


class ImageMap(_Strict):
    """What one image of the manifests stands for, built here and pulled from upstream.

    :ivar name: the image as the manifests call it.
    :ivar program: the Go package compiled into it, one of the component's modules, or
    :ivar image: the folder of ``images/`` that makes it.
    :ivar files: folders of the component's module that the program finds under ``/``.
    :ivar upstream: the published image, without its tag. A program of the course's own has none,
        and is built for every cluster.
    :ivar own: whether that goes for an image of ``images/``, too.
    :ivar tag: its tag, where that is not the version built here.
    :ivar because: why it is not.

    One that neither a program nor an image makes cannot be built here, and is always pulled.
    """

    name: str
    program: str = ""
    image: str = ""
    files: tuple[str, ...] = ()
    upstream: str = ""
    own: bool = False
    tag: str = ""
    because: str = ""

    @property
    def pulled(self) -> bool:
        """Whether it is upstream's on every cluster, as it cannot be built here."""
        return not self.program and not self.image

    @model_validator(mode="after")
    def _one_origin(self) -> ImageMap:
        if self.program and self.image:
            raise ValueError(f"{self.name}: either a program or an image makes it")
        if self.files and not self.program:
            raise ValueError(f"{self.name}: files go beside a program")
        if not self.upstream and not self.own and not self.program.startswith(OWN):
            raise ValueError(f"{self.name}: which image does upstream publish?")
        if self.pulled and not self.tag:
            raise ValueError(f"{self.name}: which tag is pulled?")
        if bool(self.tag) != bool(self.because):
            raise ValueError(f"{self.name}: a tag of its own needs a reason, and no other does")
        return self


class State(_Strict):
    """What a custom resource says of itself once it is ready.

    :ivar resource: ``kind/name``.
    :ivar field: of its status.
    :ivar value: the field's then.
    :ivar within: seconds until it has to be so, pulling images included.
    """

    resource: str
    namespace: str
    field: str
    value: str
    within: float


class Declaration(_Strict):
    """One component.

    :ivar chapter: the chapter that first uses it.
    :ivar module: the Go module whose version is the component's; pinned in ``programs/NAME``.
    :ivar release: the version people know, where the module's is another one.
    :ivar because: why it is another one.
    :ivar provides: the system that it is, where there are several that can be taken for it.
    :ivar clusters: the kinds of cluster that it is for; all of them where none is named. On
        another one it cannot be enabled, and what needs it does without.
    :ivar instead: what those have in its place.
    :ivar needs: components that must be enabled before.
    :ivar sources: folders of pinned modules (``MODULE//FOLDER``), put beside the kustomization
        under these names.
    :ivar leave_out: files of them that are not applied, as patterns.
    :ivar tags: build tags of its programs.
    :ivar makes: label selector of what its controllers make of custom resources, and take away
        when those are deleted.
    :ivar accepts: an object that a ready component accepts; it is tried, and not made.
    :ivar becomes: what one of its custom resources says once the system behind it is ready.
    """

    name: str
    title: str
    chapter: Annotated[str, Field(pattern=r"^\d\d$")]
    licence: str
    upstream: Upstream
    module: str = ""
    release: Version | None = None
    because: str = ""
    provides: str = ""
    clusters: tuple[Literal["embedded", "microk8s", "kubeconfig"], ...] = ()
    instead: str = ""
    needs: tuple[str, ...] = ()
    sources: dict[str, str] = Field(default_factory=dict)
    leave_out: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    images: tuple[ImageMap, ...] = ()
    makes: str = ""
    accepts: dict[str, Any] = Field(default_factory=dict)
    becomes: State | None = None

    @model_validator(mode="after")
    def _reasons(self) -> Declaration:
        if not self.module and not self.release:
            raise ValueError("a component has a version: its module's, or a release")
        if self.module and self.release and not self.because:
            raise ValueError("a release beside the module's version needs a reason (because)")
        if (self.sources or any(i.program for i in self.images)) and not self.module:
            raise ValueError("what comes from modules needs the module that gives the version")
        if bool(self.clusters) != bool(self.instead):
            raise ValueError("who is for some clusters says what the others have instead")
        return self

    @property
    def folder(self) -> Path:
        return COMPONENTS / self.name

    def is_for(self, cluster: str) -> bool:
        """Whether it is for this kind of cluster."""
        return not self.clusters or cluster in self.clusters

    def takes(self, source: str) -> bool:
        """Whether a file of the sources is applied."""
        return not any(fnmatch(source, pattern) for pattern in self.leave_out)


def names() -> list[str]:
    """The components that there are."""
    return sorted(path.parent.name for path in COMPONENTS.glob(f"*/{DECLARATION}"))


@cache
def declaration(name: str) -> Declaration:
    """What a component says of itself.

    :raises UsageError: there is no such component.
    :raises LabError: what it says cannot be used.
    """
    path = COMPONENTS / name / DECLARATION
    if name not in names():
        raise UsageError(f"there is no component {name!r}", remedy=", ".join(names()))
    try:
        said: dict[str, Any] = _yaml.load(path.read_text())
        return Declaration(name=name, **said)
    except (TypeError, ValidationError, yaml.YAMLError) as wrong:
        raise LabError(f"{path.relative_to(ROOT)} cannot be used", seen=str(wrong)) from wrong
