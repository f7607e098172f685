"""System programs from the distribution's packages, unpacked into the cache.

Nothing is installed: a laptop may carry Docker's own containerd, and keeps it. Packages are
downloaded with apt-get into a folder of the cache, with package lists of its own, together with
those they depend on that the machine lacks, and unpacked side by side.
"""

from __future__ import annotations

import platform
import shutil
from functools import cached_property
from pathlib import Path

from . import _progress
from ._apt import Apt, release, unpack
from ._artifacts import Artifact, digest
from ._config import environment, settings
from ._exceptions import LabError
from ._exec import Argument, run
from ._files import remove_tree

PACKAGES = (
    "buildah",
    "catatonit",
    "containerd",
    "containernetworking-plugins",
    "iproute2",
    "nftables",
    "runc",
    "runit",
    "skopeo",
    "slirp4netns",
)


class SystemPackages:
    """Unpacked packages, as one tree beside the system's own.

    :param name: of the tree in the cache.
    :param title: what is unpacked, for whoever waits.
    :param packages: names; those that they depend on come along.
    """

    def __init__(self, name: str, title: str, packages: tuple[str, ...]) -> None:
        self._name = name
        self._title = title
        self._packages = packages

    @cached_property
    def artifact(self) -> Artifact:
        inputs = digest(*self._packages, *_installed(self._packages), release(), platform.machine())
        title = f"unpack {self._title} (nothing is installed)"
        return Artifact(self._name, title, inputs, self._unpack)

    version = "v1"
    """The tag of images made from them: what is in them comes from the distribution."""

    def bin(self) -> Path:
        """The folder of the program that an image is made of."""
        self.artifact.build()
        return self.find("catatonit").parent

    @property
    def root(self) -> Path:
        return self.artifact.path

    def folders(self, root: Path | None = None) -> list[Path]:
        """Where programs are, seen from ``root`` (the tree may be mounted elsewhere)."""
        base = root or self.root
        return [base / "usr/sbin", base / "usr/bin", base / "sbin", base / "bin"]

    def libraries(self, root: Path | None = None) -> list[Path]:
        base = root or self.root
        triplet = f"{platform.machine()}-linux-gnu"
        return [base / "usr/lib" / triplet, base / "lib" / triplet]

    def find(self, program: str) -> Path:
        """A program's path: from the unpacked packages, else the system's own.

        :raises LabError: neither has it.
        """
        search = ":".join(str(folder) for folder in self.folders())
        found = shutil.which(program, path=search) or shutil.which(program)
        if found is None:
            raise LabError(
                f"the program {program} is in none of the unpacked packages",
                remedy="./lab doctor says what this machine lacks",
            )
        return Path(found)

    def find_file(self, path: str) -> Path:
        """A file of the packages, by its path in the system: unpacked, else installed.

        :raises LabError: the packages of this distribution do not have it there.
        """
        for found in (self.root / path, Path("/") / path):
            if found.exists():
                return found
        raise LabError(f"neither the unpacked packages nor the system have {path}")

    def run(self, program: str, *arguments: Argument) -> str:
        """Run one of the programs, with the libraries it was unpacked with.

        :raises CommandError: it failed.
        """
        return run([self.find(program), *arguments], env=environment(**self.environment()))

    def environment(self, root: Path | None = None) -> dict[str, str]:
        """PATH and LD_LIBRARY_PATH for programs of the tree."""
        system = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return {
            "PATH": ":".join([*(str(f) for f in self.folders(root)), system]),
            "LD_LIBRARY_PATH": ":".join(str(f) for f in self.libraries(root)),
        }

    def _unpack(self, folder: Path, step: _progress.Step) -> None:
        apt = Apt(settings().cache / f"apt-{self._name}")
        for deb in apt.fetch(self._packages, step):
            step.update(deb.name)
            unpack(deb, folder)
        remove_tree(apt.folder)


packages = SystemPackages("system-packages", "system packages", PACKAGES)


def _installed(packages: tuple[str, ...]) -> list[str]:
    """Those of the packages that the system has: they are not unpacked."""
    if shutil.which("dpkg-query") is None:
        return []
    asked = ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n"]
    known = set(run(asked).splitlines())
    return [name for name in packages if f"{name} installed" in known]
