"""Templates: what functions of one kind have in common, so that each is little more than a handler.

A template is a folder of ``functions/templates/``, or of a learner's own ``templates/``:

``template.yml``
    its name, its base, or the template that it extends;
``Containerfile``
    how the image of a function is made;
``server/``
    the program that serves and calls the handler, ``/opt/template`` in the image;
``function/``
    what a new function begins with;
``requirements.txt``
    what the server needs, pinned, where it is in Python.

A template that extends another one has only what is different: its files are laid over.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from . import _progress, _sources, _yaml
from ._artifacts import Artifact, digest
from ._config import ROOT
from ._exceptions import LabError, UsageError
from ._sources import Files
from .bases import Base, base

TEMPLATES = ROOT / "functions" / "templates"
_RECIPE = "1"
"""Raised when this module makes something else of the same inputs."""
_PLACE = "/opt/template"


class _Declaration(BaseModel):
    """``template.yml``.

    :ivar language: the template's name, as OpenFaaS has it.
    :ivar base: what its images start from; the extended template's, where this is empty.
    :ivar extends: the template that it adds to.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    language: str
    base: str = ""
    extends: str = ""


@dataclass(frozen=True)
class Template:
    """One template.

    :ivar name: what ``lang`` says in a ``stack.yml``.
    :ivar folders: its own folder, then that of the template it extends, and so on.
    :ivar kind: the kind of base its images start from.
    """

    name: str
    folders: tuple[Path, ...]
    kind: str

    @cached_property
    def base(self) -> Base:
        return base(self.kind)

    @property
    def recipe(self) -> Path:
        """The Containerfile.

        :raises LabError: it has none.
        """
        for folder in self.folders:
            if (folder / "Containerfile").exists():
                return folder / "Containerfile"
        raise LabError(f"the template {self.name} has no Containerfile", remedy="add one to it")

    @property
    def requirements(self) -> list[Path]:
        """The files that pin the packages it needs."""
        files = [folder / "requirements.txt" for folder in self.folders]
        return [file for file in files if file.exists()]

    @property
    def server(self) -> Files:
        """The program that serves, a template's own files over those of the one it extends."""
        files: Files = {}
        for folder in reversed(self.folders):
            files.update(_sources.below(folder / "server"))
        return files

    @property
    def beginning(self) -> Files:
        """What a new function begins with.

        :raises LabError: neither it nor a template that it extends says.
        """
        for folder in self.folders:
            if (folder / "function").is_dir():
                return _sources.below(folder / "function")
        raise LabError(f"the template {self.name} has no folder `function` to begin with")

    def prepared(self, packages: Artifact) -> Artifact:
        """The server, compiled beside the packages it uses."""
        key = digest(_RECIPE, self.base.key, packages.key, *_sources.inputs(self.server))

        def make(folder: Path, step: _progress.Step) -> None:
            step.update("compile the server")
            _sources.copy(self.server, folder)
            self.base.prepare(folder, _PLACE, beside=[packages.build()])
            _sources.make_readable(folder)

        return Artifact(f"template-{self.name}", f"prepare template {self.name}", key, make)


def find(name: str, *roots: Path) -> Template:
    """A template by its name.

    :param roots: folders of templates that come before the course's own.
    :raises UsageError: there is none of that name.
    :raises LabError: it, or one that it extends, cannot be used.
    """
    folders: list[Path] = []
    while True:
        folder = _folder(name, roots)
        if folder in folders:
            raise LabError(f"the template {name} extends itself", seen=_shown(folder))
        folders.append(folder)
        declared = _declaration(folder)
        if not declared.extends:
            return Template(folders[0].name, tuple(folders), _kind(folders))
        name = declared.extends


def names(*roots: Path) -> list[str]:
    """The templates that there are, these folders' and the course's."""
    files = (file for root in (*roots, TEMPLATES) for file in root.glob("*/template.yml"))
    return sorted({file.parent.name for file in files})


def _folder(name: str, roots: tuple[Path, ...]) -> Path:
    for root in (*roots, TEMPLATES):
        if name in names(*roots) and (root / name / "template.yml").exists():
            return root / name
    raise UsageError(f"there is no template {name!r}", remedy=", ".join(names(*roots)))


def _declaration(folder: Path) -> _Declaration:
    path = folder / "template.yml"
    try:
        said: Any = _yaml.load(path.read_text())
        declared = _Declaration.model_validate(said)
    except (ValidationError, yaml.YAMLError) as wrong:
        raise LabError(f"{_shown(path)} cannot be used", seen=str(wrong)) from wrong
    if declared.language != folder.name:
        seen = f"language: {declared.language}"
        raise LabError(f"{_shown(path)} is another template's", seen=seen)
    return declared


def _kind(folders: list[Path]) -> str:
    """The base that the first one of them names."""
    kinds = [kind for folder in folders if (kind := _declaration(folder).base)]
    if not kinds:
        raise LabError(
            f"{_shown(folders[0] / 'template.yml')} cannot be used",
            seen="neither base nor extends",
            remedy="name the base that images start from, or a template to extend",
        )
    return kinds[0]


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)
