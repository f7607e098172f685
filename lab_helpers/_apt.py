"""apt-get on folders of the cache: packages come with what they need, none is installed."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import _progress
from ._config import environment
from ._exceptions import Unsupported
from ._exec import Argument, run, stream

_REMEDY = (
    "check the network to the distribution's package mirror (apt-get update), and run it again"
)
_INSTALLED = """\
Package: {}
Status: install ok installed
Maintainer: nobody
Architecture: all
Version: 99:1
Description: is there in another way

"""
"""newer than any version that could be asked for"""


@dataclass(frozen=True)
class Apt:
    """The system's package sources, with lists and archives in a folder.

    :ivar folder: where they are kept.
    :ivar bare: resolve as if nothing were installed; else what the system has is left out.
    :ivar provided: packages that count as installed, on a bare system: what they stand for is
        there in another way.
    """

    folder: Path
    bare: bool = False
    provided: tuple[str, ...] = ()

    def fetch(self, names: Sequence[str], step: _progress.Step) -> list[Path]:
        """Download packages with all that they depend on.

        :raises CommandError: the mirror cannot be reached, or does not have them.
        """
        for below in ("archives/partial", "lists/partial"):
            (self.folder / below).mkdir(parents=True, exist_ok=True)
        self._status.write_text("".join(map(_INSTALLED.format, self.provided)))
        install = ("install", "--download-only", "--yes", "--no-install-recommends", *names)
        for words in (("update",), install):
            stream(
                [*self._apt_get(), *words],
                env=environment(DEBIAN_FRONTEND="noninteractive", LC_ALL="C.UTF-8"),
                on_line=step.update,
                remedy=_REMEDY,
            )
        return sorted((self.folder / "archives").glob("*.deb"))

    def _apt_get(self) -> list[Argument]:
        """apt-get without the system's folders and locks."""
        if shutil.which("apt-get") is None:
            raise Unsupported(
                "the embedded cluster takes its system programs from Debian's or Ubuntu's "
                "packages, and this machine has no apt-get",
                remedy="use a Debian or Ubuntu machine, or a virtual one",
            )
        options: dict[str, Argument] = {
            "Dir::Cache::archives": self.folder / "archives",
            "Dir::State::lists": self.folder / "lists",
            "Dir::Cache::pkgcache": "",
            "Dir::Cache::srcpkgcache": "",
            "Debug::NoLocking": "true",
            "APT::Sandbox::User": "root",
            "Acquire::Retries": "3",
        }
        if self.bare:
            options["Dir::State::status"] = self._status
        return ["apt-get", "-q", *(f"-o{key}={value}" for key, value in options.items())]

    @property
    def _status(self) -> Path:
        """What counts as installed on a bare system, as dpkg would write it down."""
        return self.folder / "status"


def unpack(package: Path, folder: Path) -> None:
    """Put a package's files into a folder; none of its scripts is run."""
    run(["dpkg-deb", "-x", package, folder])


def release() -> str:
    """The distribution and its version, as os-release has it."""
    known = platform.freedesktop_os_release()
    return f"{known.get('ID')} {known.get('VERSION_ID')}"
