"""Servers in Python, for images on the course's Python: published as packages, or our own.

A folder of ``images/`` pins the packages, and has in ``server/`` a program that starts them, or
that is the server.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from . import _progress, _sources
from ._artifacts import Artifact, digest
from ._exceptions import LabError


@dataclass(frozen=True)
class PythonServer:
    """One server.

    :ivar folder: its folder of ``images/``, which has the name of its package.
    :ivar release: the version of one that is the course's own, with a ``v``.
    """

    folder: Path
    release: str = ""

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def version(self) -> str:
        """The package's version, with a ``v``.

        :raises LabError: it is not pinned.
        """
        if self.release:
            return self.release
        pinned = re.search(rf"^{self.name}==(\S+)", self._requirements.read_text(), re.MULTILINE)
        if pinned is None:
            raise LabError(f"{self._requirements} does not pin {self.name}")
        return f"v{pinned[1]}"

    @property
    def revision(self) -> str:
        """What tells images of the same version apart: how it is started, and its packages."""
        return digest(self._requirements, *_sources.inputs(self._program))[:8]

    @property
    def artifact(self) -> Artifact:
        key = digest(self._packages.key, *_sources.inputs(self._program))
        title = f"prepare {self.name} {self.version}"
        return Artifact(f"server-{self.name}", title, key, self._lay_out)

    def bin(self) -> Path:
        """The folder that an image is made of: ``packages`` and ``server``."""
        return self.artifact.build()

    @property
    def _requirements(self) -> Path:
        return self.folder / "requirements.txt"

    @property
    def _program(self) -> _sources.Files:
        return _sources.below(self.folder / "server")

    @property
    def _packages(self) -> Artifact:
        from . import requirements
        from .bases import base

        return requirements.unpacked(self.name, [self._requirements], base())

    def _lay_out(self, folder: Path, step: _progress.Step) -> None:
        from .bases import base

        step.update("waiting for its packages")
        # The same files under a second name take no room.
        shutil.copytree(self._packages.build(), folder / "packages", copy_function=os.link)
        _sources.copy(self._program, folder / "server")
        base().prepare(folder / "server", "/opt/server", beside=[folder / "packages"])
        _sources.make_readable(folder / "server")
