"""Functions: their folders, and the images made of them.

A function is a folder of ``functions/``, or of a learner's own. Its image has layers that change
at different times: the base, the packages it needs, its template's server where it has one, and
the function's own files. So a changed function makes, and pushes, a few kilobytes.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from . import _progress, _sources, requirements, stack, templates
from ._artifacts import Artifact, digest
from ._config import ROOT
from ._exceptions import LabError, UsageError
from ._sources import Files
from .bases import Base, base
from .builders import builder
from .builds import ensure
from .images import REGISTRY
from .stack import Deployment
from .templates import Template

FUNCTIONS = ROOT / "functions"
CHAPTER = "lab.serverless/chapter"
"""The label of everything that a chapter makes on the cluster."""
_RECIPE = "2"
"""Raised when this module makes something else of the same inputs."""
_NOT_IN_THE_IMAGE = ("Containerfile", "requirements.in", "requirements.txt", stack.FILE)


@dataclass(frozen=True)
class Function:
    """One function.

    :ivar name: its folder and its name under ``localhost:32000/lab/``.
    :ivar root: the folder that its folder is in. Templates of its own are in ``templates`` there.
    """

    name: str
    root: Path = FUNCTIONS

    @property
    def folder(self) -> Path:
        return self.root / self.name

    @property
    def deployment(self) -> Deployment | None:
        """What ``stack.yml`` says of it; None where there is no such file.

        :raises LabError: the file cannot be used, or says nothing of it.
        """
        path = self.folder / stack.FILE
        if not path.exists():
            return None
        functions = stack.load(path).functions
        if self.name not in functions:
            raise LabError(
                f"{path} deploys no function {self.name}",
                seen=", ".join(functions),
                remedy="give the function and its folder the same name",
            )
        return functions[self.name]

    @property
    def chapter(self) -> str:
        """The chapter that deploys it, by its label; one without a label is for the first ones."""
        return self.deployment.labels.get(CHAPTER, "") if self.deployment else ""

    @cached_property
    def template(self) -> Template | None:
        """The template that ``stack.yml`` names, unless the function has its own Containerfile."""
        deployment = self.deployment
        if deployment is None or (self.folder / "Containerfile").exists():
            return None
        return templates.find(deployment.lang, self.root / "templates")

    @property
    def recipe(self) -> Path:
        """The Containerfile: the function's own, else its template's.

        :raises LabError: there is neither.
        """
        own = self.folder / "Containerfile"
        if own.exists():
            return own
        if self.template:
            return self.template.recipe
        raise LabError(
            f"the function {self.name} has no Containerfile, and no template that has one",
            remedy="add one, or name a template in its stack.yml",
        )

    @property
    def sources(self) -> Path:
        """The folder of its code: ``handler`` of its ``stack.yml``, else its own folder.

        :raises LabError: it is not there, or outside.
        """
        handler = self.deployment.handler if self.deployment else "."
        folder = (self.folder / handler).resolve()
        if not folder.is_dir() or not folder.is_relative_to(self.folder.resolve()):
            raise LabError(
                f"the function {self.name} has no code",
                seen=f"handler: {handler}",
                remedy="handler names the folder of its files, `.` for the one of stack.yml",
            )
        return folder

    @property
    def files(self) -> Files:
        """What goes into the image: no caches, nothing hidden, nothing that only builds it."""
        return _sources.below(self.sources, leave_out=_NOT_IN_THE_IMAGE)

    @cached_property
    def base(self) -> Base:
        return self.template.base if self.template else base()

    @property
    def packages(self) -> Artifact:
        """The packages it needs, unpacked and compiled for its base.

        Functions that need no more than their template share them.
        """
        file = self.sources / "requirements.txt"
        # New functions have an empty one.
        own = [file] if file.exists() and file.read_text().strip() else []
        shared = self.template.requirements if self.template else []
        name = self.name if own or not self.template else self.template.name
        return requirements.unpacked(name, [*shared, *own], self.base)

    @property
    def server(self) -> Artifact | None:
        """Its template's server, compiled for its base."""
        return self.template.prepared(self.packages) if self.template else None

    @property
    def artifact(self) -> Artifact:
        server = self.server.key if self.server else ""
        key = digest(
            _RECIPE, builder().name, self.packages.key, server, self.recipe,
            *_sources.inputs(self.files),
        )  # fmt: skip
        return Artifact(f"function-{self.name}", f"make function {self.name}", key, self._make)

    @property
    def artifacts(self) -> list[Artifact]:
        """All that must be in the cache before it can be pushed, in the order of building."""
        server = [self.server] if self.server else []
        return [*self.base.artifacts, self.packages, *server, self.artifact]

    @property
    def reference(self) -> str:
        """The image's name; its tag says what it was made of."""
        return f"{REGISTRY}/lab/{self.name}:{self.artifact.key}"

    @property
    def archive(self) -> Path:
        """The image as a file: an OCI archive, or docker's own form where docker made it."""
        return self.artifact.path / "image.tar"

    def push(self, *, address: str = REGISTRY, tag: str = "") -> str:
        """Build the image where it is missing, push it, and return its name.

        :param address: host and port at which the registry is reached from here.
        :param tag: the tag it gets there, instead of the one that says what it was made of.
        :raises CommandError: the build or the push failed.
        """
        ensure(self.artifacts)
        name = f"{self.reference.rpartition(':')[0]}:{tag}" if tag else self.reference
        builder().push(self.reference, self.archive, name=name, address=address)
        return name

    def lay_out(self, context: Path) -> None:
        """Fill a folder with what the image is made of: ``packages``, ``template``, ``function``.

        :raises CommandError: its code is broken; the error says where.
        """
        parts = {"packages": self.packages.build()}
        if self.server:
            parts["template"] = self.server.build()
        for name, folder in parts.items():
            shutil.copytree(folder, context / name)
        code = context / "function"
        _sources.copy(self.files, code)
        self.base.prepare(code, "/opt/function", beside=list(parts.values()))
        _sources.make_readable(code)

    def _make(self, folder: Path, step: _progress.Step) -> None:
        with TemporaryDirectory(dir=folder) as name:
            context = Path(name)
            self.lay_out(context)
            recipe = self.recipe.read_text()
            builder().build(self.reference, recipe, context, folder / "image.tar", step, self.base)


def all_functions() -> dict[str, Function]:
    """Every function of the course: the folders that have a Containerfile, or name a template."""
    folders = (path for path in sorted(FUNCTIONS.iterdir()) if path.is_dir())
    marks = ("Containerfile", stack.FILE)
    return {
        folder.name: Function(folder.name, FUNCTIONS)
        for folder in folders
        if any((folder / mark).exists() for mark in marks)
    }


def find(name: str) -> Function:
    """A function of the course by its name.

    :raises UsageError: there is none of that name.
    """
    known = all_functions()
    if name not in known:
        raise UsageError(f"there is no function {name!r}", remedy=", ".join(known))
    return known[name]


def build(names: list[str]) -> None:
    """Make the images of these functions that are missing, and what goes into them."""
    for name in names:
        ensure(find(name).artifacts)
