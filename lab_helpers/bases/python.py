"""The image that functions in Python start from, made of the distribution's own packages.

The standard library is compiled ahead: a function that starts from zero may not write, and would
compile it at each start.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from .. import _progress
from .._apt import release
from .._artifacts import Artifact
from .._exceptions import LabError
from .._exec import Argument, run
from .._roots import program
from ._debian import DebianBase

_RELEASES_WITH_AN_OLDER_PYTHON = {"ubuntu 22.04": "python3.11"}
_WITH_PYTHON = ("ca-certificates", "libstdc++6", "media-types", "tzdata")
"""Trusted certificates, what wheels are linked with, content types, time zones."""
_LEFT_OUT = re.compile(
    r"debconf|dpkg|openssl|perl-base|tar|gcc-\d+-base"  # programs that only scripts call
    r"|readline-common|libreadline8.*|libncursesw6|libtinfo6"  # a terminal's
    r"|libdb5.3.*|libnsl2|libtirpc.*|libgssapi.*|libk.*|libcom-err2.*"  # databases of the 1990s
)
_PRUNED = (
    "usr/bin/pdb*", "usr/bin/py3*", "usr/bin/pydoc*", "usr/bin/pygettext*",
    "usr/lib/python3.*/ensurepip", "usr/lib/python3.*/idlelib",
    "usr/lib/python3.*/lib-dynload/_curses*", "usr/lib/python3.*/lib-dynload/_dbm*",
    "usr/lib/python3.*/lib-dynload/nis*", "usr/lib/python3.*/lib-dynload/readline*",
    "usr/lib/python3.*/lib2to3", "usr/lib/python3.*/pydoc_data", "usr/lib/python3.*/test",
    "usr/share/python3", "usr/share/zoneinfo/right",
)  # fmt: skip
_IMPORT_ALL = (
    "import pathlib, importlib, sys, ssl, sqlite3, zoneinfo\n"
    "for path in sys.path:\n"
    "    for each in pathlib.Path(path).glob('*.cpython-*.so'):\n"
    "        importlib.import_module(each.name.partition('.')[0])\n"
)


class DebianPython(DebianBase):
    """Python from the packages of Debian or Ubuntu."""

    name = "python-base"
    pruned = _PRUNED
    inputs = (_LEFT_OUT.pattern,)

    @property
    def packages(self) -> Sequence[str]:
        return (_RELEASES_WITH_AN_OLDER_PYTHON.get(release(), "python3"), *_WITH_PYTHON)

    def keeps(self, package: str) -> bool:
        return not _LEFT_OUT.fullmatch(package)

    @property
    def python(self) -> str:
        """The version of Python in it, as ``3.11``."""
        return _python(self.root)

    @property
    def interpreter(self) -> list[Argument]:
        """How its Python is run on this machine: with its own libraries, not ours."""
        return _interpreter(self.root)

    def prepare(self, folder: Path, seen_as: str, *, beside: Sequence[Path] = ()) -> None:
        del beside  # an import is resolved when it is executed
        compile_all(self.interpreter, folder, seen_as)

    def complete(self, root: Path, step: _progress.Step) -> None:
        python = root / "usr/bin/python3"
        if not python.is_symlink():
            python.symlink_to(f"python{_python(root)}")
        step.update("compile the standard library")
        library = f"usr/lib/python{_python(root)}"
        compile_all(_interpreter(root), root / library, f"/{library}")
        # What was left out must be missed by nothing that stayed.
        run([*_interpreter(root), "-I", "-B", "-c", _IMPORT_ALL])


def compile_all(interpreter: Sequence[Argument], folder: Path, seen_as: str) -> None:
    """Compile Python modules for an image, so that their sources are never looked at again.

    :param interpreter: the image's, whatever Python runs this.
    :param seen_as: where the image has the folder, for tracebacks.
    :raises CommandError: one of them is not valid Python; the error says which and where.
    """
    run(
        [*interpreter, "-I", "-B", "-m", "compileall", "-q",
         "--invalidation-mode", "unchecked-hash", "-s", folder, "-p", seen_as, folder]
    )  # fmt: skip


def _python(root: Path) -> str:
    for found in (root / "usr/bin").glob("python3.*"):
        if re.fullmatch(r"python3\.\d+", found.name):
            return found.name.removeprefix("python")
    raise LabError(f"there is no Python in {root}")


def _interpreter(root: Path) -> list[Argument]:
    return program(root, f"usr/bin/python{_python(root)}")


class UpstreamPython:
    """Python's own image, for podman and docker where there are no Debian packages.

    It has the version of this interpreter, so that this one can compile for it.
    """

    archive = None
    artifacts: tuple[Artifact, ...] = ()
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    reference = f"docker.io/library/python:{python}-slim"
    key = python
    interpreter: tuple[Argument, ...] = (sys.executable,)

    def prepare(self, folder: Path, seen_as: str, *, beside: Sequence[Path] = ()) -> None:
        del beside  # an import is resolved when it is executed
        compile_all(self.interpreter, folder, seen_as)
