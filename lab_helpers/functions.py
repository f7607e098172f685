"""Functions: their folders, and the images made of them.

A function is a folder of ``functions/``. Its image has three layers that change at different
times: the base, what ``requirements.txt`` pins, and the function's own files. So a changed
function makes, and pushes, a few kilobytes.
"""

from __future__ import annotations

import os
import platform
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from . import _progress
from ._artifacts import Artifact, digest
from ._config import ROOT, environment, settings
from ._exceptions import LabError, UsageError
from ._exec import PYTHON, run, stream
from .bases import Base, base
from .bases.python import DebianPython, UpstreamPython
from .builders import builder
from .builds import ensure
from .images import REGISTRY

FUNCTIONS = ROOT / "functions"
TEMPLATES = FUNCTIONS / "templates"
_RECIPE = "1"
"""Raised when this module makes something else of the same inputs."""
_NOT_IN_THE_IMAGE = ("Containerfile", "requirements.in", "requirements.txt", "stack.yml")
_GLIBC = "manylinux_2_28"
"""Wheels for this C library and older run on every distribution there is a base of."""


@dataclass(frozen=True)
class Function:
    """One function.

    :ivar name: its folder under ``functions/`` and its name under ``localhost:32000/lab/``.
    """

    name: str

    @property
    def folder(self) -> Path:
        return FUNCTIONS / self.name

    @property
    def template(self) -> Path | None:
        """The template that ``stack.yml`` names, as OpenFaaS has it: ``functions.NAME.lang``."""
        stack = self.folder / "stack.yml"
        if not stack.exists():
            return None
        language: str = yaml.safe_load(stack.read_text())["functions"][self.name]["lang"]
        return TEMPLATES / language

    @property
    def recipe(self) -> Path:
        """The Containerfile: the function's own, else its template's.

        :raises LabError: there is neither.
        """
        for folder in (self.folder, self.template):
            if folder and (folder / "Containerfile").exists():
                return folder / "Containerfile"
        raise LabError(
            f"the function {self.name} has no Containerfile, and no template that has one",
            remedy="add one, or name a template in its stack.yml",
        )

    @property
    def files(self) -> list[Path]:
        """What goes into the image: no caches, nothing hidden, nothing that only builds it."""
        found = (path for path in self.folder.rglob("*") if path.is_file())
        return sorted(path for path in found if self._belongs(path.relative_to(self.folder)))

    @staticmethod
    def _belongs(path: Path) -> bool:
        hidden = any(part.startswith(".") or part == "__pycache__" for part in path.parts)
        return not hidden and str(path) not in _NOT_IN_THE_IMAGE

    @cached_property
    def base(self) -> Base:
        return base()

    @property
    def requirements(self) -> Path | None:
        """The pinned packages it needs, or its template's, or none."""
        for folder in (self.folder, self.template):
            if folder and (folder / "requirements.txt").exists():
                return folder / "requirements.txt"
        return None

    @property
    def packages(self) -> Artifact:
        """The packages it needs, unpacked and compiled for its base."""
        pinned = self.requirements.read_text() if self.requirements else ""
        key = digest(_RECIPE, _GLIBC, self.base.key, pinned)
        title = f"fetch what function {self.name} needs"
        return Artifact(f"packages-{self.name}", title, key, self._fetch)

    @property
    def artifact(self) -> Artifact:
        content = (each for file in self.files for each in (self._named(file), file))
        key = digest(_RECIPE, builder().name, self.packages.key, self.recipe, *content)
        return Artifact(f"function-{self.name}", f"make function {self.name}", key, self._make)

    @property
    def artifacts(self) -> list[Artifact]:
        """All that must be in the cache before it can be pushed, in the order of building."""
        return [*self.base.artifacts, self.packages, self.artifact]

    def _named(self, file: Path) -> str:
        """What else of a file counts: where it is, and whether it can be run."""
        return f"{file.relative_to(self.folder)} {os.access(file, os.X_OK)}"

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

    def _fetch(self, folder: Path, step: _progress.Step) -> None:
        if self.requirements is None:
            return
        assert isinstance(self.base, DebianPython | UpstreamPython)  # noqa: S101
        stream(
            [*PYTHON, "-m", "uv", "pip", "install", "--require-hashes", "--only-binary", ":all:",
             "--no-config", "--link-mode", "copy", "--python-version", self.base.python,
             "--python-platform", f"{platform.machine()}-{_GLIBC}",
             "--target", folder, "-r", self.requirements],
            env=environment(**_index(), UV_CACHE_DIR=str(settings().cache / "wheels")),
            on_line=step.update,
            remedy="check the network to the Python package index, then run it again",
        )  # fmt: skip
        self.base.prepare(folder, "/opt/packages")
        # A caller's umask must not hide them from the user that the function runs as.
        run(["chmod", "-R", "a+rX,go-w", folder])

    def _make(self, folder: Path, step: _progress.Step) -> None:
        packages = self.packages.build()
        with TemporaryDirectory(dir=folder) as name:
            context = Path(name)
            shutil.copytree(packages, context / "packages")
            self._copy_to(context / "function")
            recipe = self.recipe.read_text()
            builder().build(self.reference, recipe, context, folder / "image.tar", step, self.base)

    def _copy_to(self, target: Path) -> None:
        for file in self.files:
            copy = target / file.relative_to(self.folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copy)
        self.base.prepare(target, "/opt/function")
        run(["chmod", "-R", "a+rX,go-w", target])


def _index() -> dict[str, str]:
    """Where pip is told to take packages from, for uv, which does not read pip's settings."""
    asked = [*PYTHON, "-m", "pip", "config", "list"]
    lines = (line.partition("=") for line in run(asked).splitlines())
    known = {name.rpartition(".")[2]: value.strip("'") for name, _, value in lines}
    return {
        variable: known[setting]
        for setting, variable in (("index-url", "UV_DEFAULT_INDEX"), ("cert", "SSL_CERT_FILE"))
        if setting in known
    }


def all_functions() -> dict[str, Function]:
    """Every function: the folders that have a Containerfile, or name a template."""
    folders = (path for path in sorted(FUNCTIONS.iterdir()) if path.is_dir())
    marks = ("Containerfile", "stack.yml")
    return {
        folder.name: Function(folder.name)
        for folder in folders
        if any((folder / mark).exists() for mark in marks)
    }


def find(name: str) -> Function:
    """A function by its name.

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
