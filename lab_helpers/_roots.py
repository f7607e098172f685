"""Root file systems of the distribution's packages, for images that hold more than one program.

What is wanted and the libraries it needs are unpacked side by side into an empty folder. No
package's script is run, so neither a shell nor a package manager has to be in it, and what is not
in it cannot be misused.
"""

from __future__ import annotations

import os
import platform
import shutil
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

from . import _progress
from ._apt import Apt, release, unpack
from ._artifacts import digest
from ._exec import Argument, run
from ._files import remove_tree

_RECIPE = "2"
"""Raised when this module makes something else of the same inputs."""
_PRUNED = (
    "usr/lib/*/gconv", "usr/sbin/*", "usr/share/doc", "usr/share/gcc", "usr/share/gdb",
    "usr/share/lintian", "usr/share/locale", "usr/share/man",
)  # fmt: skip
_USER = "nobody-else:x:65532:65532:runs functions:/nonexistent:/usr/sbin/nologin"
_FOLDERS = ("etc/ssl/certs", "opt/function", "opt/packages", "opt/template", "tmp")
"""A builder would make a function's folders belong to the function's user."""


class DebianRoot(ABC):
    """A root file system, as a folder.

    :ivar name: the image's that is made of it, and its folder's under ``images/``.
    :ivar pruned: what of the packages is not wanted, as patterns below the root.
    """

    name: str
    pruned: tuple[str, ...] = ()

    @property
    @abstractmethod
    def packages(self) -> Sequence[str]:
        """The packages that it is made of; those they depend on come along."""

    @property
    def inputs(self) -> Sequence[str | Path]:
        """Whatever else its content depends on."""
        return ()

    @abstractmethod
    def keeps(self, package: str) -> bool:
        """Whether a package is unpacked: some are only there for others' scripts."""

    @abstractmethod
    def complete(self, root: Path, step: _progress.Step) -> None:
        """Add what the packages lack, and see that nothing is missed that was left out.

        :raises LabError: something is.
        """

    def key_of(self, *recipe: str | Path) -> str:
        """A hash of all that it is made of, and of what is made of it."""
        texts = (_RECIPE, *self.packages, release(), platform.machine(), _USER)
        return digest(*texts, *recipe, *_PRUNED, *self.pruned, *self.inputs)

    def make_root(self, root: Path, step: _progress.Step) -> None:
        """Fill an empty folder.

        :raises LabError: something that was kept needs what was left out.
        """
        self._unpack(root, step)
        _merge_usr(root)
        relink(root)
        for pattern in (*_PRUNED, *self.pruned):
            for found in root.glob(pattern):
                remove_tree(found)
        _unlink_dangling(root)
        _configure(root)
        self.complete(root, step)
        run(["chmod", "-R", "a+rX,go-w", root])
        (root / "tmp").chmod(0o1777)

    def _unpack(self, root: Path, step: _progress.Step) -> None:
        apt = Apt(root.parent / "apt", bare=True)
        for deb in apt.fetch(self.packages, step):
            if self.keeps(deb.name.partition("_")[0]):
                step.update(deb.name)
                unpack(deb, root)
        remove_tree(apt.folder)


def program(root: Path, path: str) -> list[Argument]:
    """How a program of a root file system is run on this machine: with its libraries, not ours."""
    libraries = root / "usr/lib" / f"{platform.machine()}-linux-gnu"
    (loader,) = libraries.glob("ld-linux-*.so.*")
    return [loader, "--library-path", libraries, root / path]


def check_libraries(root: Path, *folders: Path) -> None:
    """See that programs and libraries find those they are linked with, here or in the system's.

    :raises CommandError: one of them does not; the error says which.
    """
    loader, option, system, _ = program(root, "")
    search = ":".join(map(str, (system, *folders)))
    for file in sorted(each for folder in folders for each in folder.iterdir() if each.is_file()):
        if file.suffix == ".so" or os.access(file, os.X_OK):
            run([loader, option, search, "--list", file])


def _merge_usr(root: Path) -> None:
    """Make links into ``usr`` of the top folders, as on an installed system."""
    for name in ("bin", "lib", "lib64", "sbin"):
        (root / "usr" / name).mkdir(exist_ok=True)
        if (root / name).exists():
            shutil.copytree(root / name, root / "usr" / name, symlinks=True, dirs_exist_ok=True)
            remove_tree(root / name)
        (root / name).symlink_to(f"usr/{name}")


def _unlink_dangling(root: Path) -> None:
    for link in [path for path in root.rglob("*") if path.is_symlink() and not path.exists()]:
        link.unlink()


def relink(root: Path) -> None:
    """Have absolute links stay inside the root, from wherever it is looked at."""
    for link in [path for path in root.rglob("*") if path.is_symlink()]:
        target = link.readlink()
        if target.is_absolute():
            inside = os.path.relpath(root / target.relative_to("/"), link.parent)
            link.unlink()
            link.symlink_to(inside)


def _configure(root: Path) -> None:
    """What the packages' scripts would have done, as far as a function needs it."""
    for name in _FOLDERS:
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / "etc/passwd").write_text(f"root:x:0:0:root:/root:/usr/sbin/nologin\n{_USER}\n")
    (root / "etc/group").write_text("root:x:0:\nnobody-else:x:65532:\n")
    trusted = sorted((root / "usr/share/ca-certificates").rglob("*.crt"))
    bundle = root / "etc/ssl/certs/ca-certificates.crt"
    bundle.write_text("".join(certificate.read_text() for certificate in trusted))
