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
    """The unpacked packages, as one tree beside the system's own."""

    @cached_property
    def artifact(self) -> Artifact:
        inputs = digest(*PACKAGES, *_installed(), release(), platform.machine())
        return Artifact(
            "system-packages", "unpack system packages (nothing is installed)", inputs, _unpack
        )

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


packages = SystemPackages()


def _unpack(folder: Path, step: _progress.Step) -> None:
    apt = Apt(settings().cache / "apt")
    for deb in apt.fetch(PACKAGES, step):
        step.update(deb.name)
        unpack(deb, folder)
    remove_tree(apt.folder)


def _installed() -> list[str]:
    """Those of the packages that the system has: they are not unpacked."""
    if shutil.which("dpkg-query") is None:
        return []
    asked = ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n"]
    known = set(run(asked).splitlines())
    return [name for name in PACKAGES if f"{name} installed" in known]
