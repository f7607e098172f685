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
from ._artifacts import Artifact, digest
from ._config import environment, settings
from ._exceptions import LabError, Unsupported
from ._exec import Argument, run, stream
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
        inputs = digest(*PACKAGES, *_installed(), _release(), platform.machine())
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
    debs = settings().cache / "apt" / "archives"
    _download(debs, step)
    for deb in sorted(debs.glob("*.deb")):
        step.update(deb.name)
        run(["dpkg-deb", "-x", deb, folder])
    remove_tree(settings().cache / "apt")


def _download(archives: Path, step: _progress.Step) -> None:
    """Fetch what is missing on this machine with apt's own resolver.

    What the system has installed is used where it is.
    """
    lists = archives.parent / "lists"
    for folder in (archives / "partial", lists / "partial"):
        folder.mkdir(parents=True, exist_ok=True)
    apt = _apt_get(archives, lists)
    stream([*apt, "update"], env=_environment(), on_line=step.update, remedy=_REMEDY)
    stream(
        [*apt, "install", "--download-only", "--yes", "--no-install-recommends",
         *PACKAGES],
        env=_environment(), on_line=step.update, remedy=_REMEDY,
    )  # fmt: skip


_REMEDY = (
    "check the network to the distribution's package mirror (apt-get update), and run it again"
)


def _apt_get(archives: Path, lists: Path) -> list[Argument]:
    """apt-get on folders of the cache, with the system's sources and no locks of the system's."""
    if shutil.which("apt-get") is None:
        raise Unsupported(
            "the embedded cluster takes its system programs from Debian's or Ubuntu's packages, "
            "and this machine has no apt-get",
            remedy="use a Debian or Ubuntu machine, or a virtual one",
        )
    options = {
        "Dir::Cache::archives": archives,
        "Dir::State::lists": lists,
        "Dir::Cache::pkgcache": "",
        "Dir::Cache::srcpkgcache": "",
        "Debug::NoLocking": "true",
        "APT::Sandbox::User": "root",
        "Acquire::Retries": "3",
    }
    return ["apt-get", "-q", *(f"-o{key}={value}" for key, value in options.items())]


def _environment() -> dict[str, str]:
    return environment(DEBIAN_FRONTEND="noninteractive", LC_ALL="C.UTF-8")


def _installed() -> list[str]:
    """Those of the packages that the system has: they are not unpacked."""
    if shutil.which("dpkg-query") is None:
        return []
    asked = ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n"]
    known = set(run(asked).splitlines())
    return [name for name in PACKAGES if f"{name} installed" in known]


def _release() -> str:
    """The distribution and its version, as os-release has it."""
    release = platform.freedesktop_os_release()
    return f"{release.get('ID')} {release.get('VERSION_ID')}"
