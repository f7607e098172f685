"""The image that functions in Python start from, made of the distribution's own packages.

Python and the libraries it needs are unpacked side by side into an empty root file system. No
package's script is run, so neither a shell nor a package manager has to be in it, and what is
not in it cannot be misused. The standard library is compiled ahead: a function that starts from
zero may not write, and would compile it at each start.
"""

from __future__ import annotations

import platform
import re
import shutil
import sys
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from .. import _progress
from .._apt import Apt, release, unpack
from .._artifacts import Artifact, digest
from .._exceptions import LabError
from .._exec import Argument, run
from .._files import remove_tree
from ..images import IMAGES, REGISTRY

_RECIPE = "1"
"""Raised when this module makes something else of the same inputs."""
_RELEASES_WITH_AN_OLDER_PYTHON = {"ubuntu 22.04": "python3.11"}
_WITH_PYTHON = ("ca-certificates", "libstdc++6", "media-types", "tzdata")
"""Trusted certificates, what wheels are linked with, content types, time zones."""
_LEFT_OUT = re.compile(
    r"debconf|dpkg|openssl|perl-base|tar|gcc-\d+-base"  # programs that only scripts call
    r"|readline-common|libreadline8.*|libncursesw6|libtinfo6"  # a terminal's
    r"|libdb5.3.*|libnsl2|libtirpc.*|libgssapi.*|libk.*|libcom-err2.*"  # databases of the 1990s
)
_PRUNED = (
    "usr/bin/pdb*", "usr/bin/py3*", "usr/bin/pydoc*", "usr/bin/pygettext*", "usr/sbin/*",
    "usr/lib/*/gconv", "usr/lib/python3.*/ensurepip", "usr/lib/python3.*/idlelib",
    "usr/lib/python3.*/lib-dynload/_curses*", "usr/lib/python3.*/lib-dynload/_dbm*",
    "usr/lib/python3.*/lib-dynload/nis*", "usr/lib/python3.*/lib-dynload/readline*",
    "usr/lib/python3.*/lib2to3", "usr/lib/python3.*/pydoc_data", "usr/lib/python3.*/test",
    "usr/share/doc", "usr/share/gcc", "usr/share/lintian", "usr/share/locale", "usr/share/man",
    "usr/share/python3", "usr/share/zoneinfo/right",
)  # fmt: skip
_USER = "nobody-else:x:65532:65532:runs functions:/nonexistent:/usr/sbin/nologin"
_IMPORT_ALL = (
    "import pathlib, importlib, sys, ssl, sqlite3, zoneinfo\n"
    "for path in sys.path:\n"
    "    for each in pathlib.Path(path).glob('*.cpython-*.so'):\n"
    "        importlib.import_module(each.name.partition('.')[0])\n"
)


class DebianPython:
    """Python from the packages of Debian or Ubuntu, as an OCI archive and as a folder."""

    @property
    def package(self) -> str:
        return _RELEASES_WITH_AN_OLDER_PYTHON.get(release(), "python3")

    @cached_property
    def artifact(self) -> Artifact:
        inputs = (_RECIPE, self.package, release(), platform.machine())
        key = digest(*inputs, IMAGES / "python-base", _USER, _LEFT_OUT.pattern, *_PRUNED)
        return Artifact("image-python-base", "make image python-base", key, self._make)

    @property
    def artifacts(self) -> list[Artifact]:
        """What must be in the cache before it can be built on."""
        return [self.artifact]

    @property
    def key(self) -> str:
        return self.artifact.key

    @property
    def reference(self) -> str:
        return f"{REGISTRY}/lab/python-base:{self.key}"

    @property
    def archive(self) -> Path:
        return self.artifact.build() / "image.tar"

    @property
    def python(self) -> str:
        """The version of Python in it, as ``3.11``."""
        return _python(self._root)

    @property
    def interpreter(self) -> list[Argument]:
        """How its Python is run on this machine: with its own libraries, not ours."""
        return _interpreter(self._root)

    def prepare(self, folder: Path, seen_as: str, *, beside: Sequence[Path] = ()) -> None:
        del beside  # an import is resolved when it is executed
        compile_all(self.interpreter, folder, seen_as)

    @property
    def _root(self) -> Path:
        return self.artifact.build() / "root"

    def _make(self, folder: Path, step: _progress.Step) -> None:
        from ..builders import Buildah

        root = folder / "root"
        _make_root(root, self.package, step)
        step.update("compile the standard library")
        library = f"usr/lib/python{_python(root)}"
        compile_all(_interpreter(root), root / library, f"/{library}")
        recipe = (IMAGES / "python-base" / "Containerfile").read_text()
        Buildah().build(self.reference, recipe, root, folder / "image.tar", step)


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


def _make_root(root: Path, package: str, step: _progress.Step) -> None:
    apt = Apt(root.parent / "apt", bare=True)
    for deb in apt.fetch([package, *_WITH_PYTHON], step):
        if not _LEFT_OUT.fullmatch(deb.name.partition("_")[0]):
            step.update(deb.name)
            unpack(deb, root)
    remove_tree(apt.folder)
    _merge_usr(root)
    for pattern in _PRUNED:
        for found in root.glob(pattern):
            remove_tree(found)
    _configure(root)
    run(["chmod", "-R", "a+rX,go-w", root])
    (root / "tmp").chmod(0o1777)
    # What was left out must be missed by nothing that stayed.
    run([*_interpreter(root), "-I", "-B", "-c", _IMPORT_ALL])


def _merge_usr(root: Path) -> None:
    """Make links into ``usr`` of the top folders, as on an installed system."""
    for name in ("bin", "lib", "lib64", "sbin"):
        (root / "usr" / name).mkdir(exist_ok=True)
        if (root / name).exists():
            shutil.copytree(root / name, root / "usr" / name, symlinks=True, dirs_exist_ok=True)
            remove_tree(root / name)
        (root / name).symlink_to(f"usr/{name}")


def _configure(root: Path) -> None:
    """What the packages' scripts would have done, as far as a function needs it."""
    # A builder would make a function's folders belong to the function's user.
    for name in ("etc/ssl/certs", "opt/function", "opt/packages", "tmp"):
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / "etc/passwd").write_text(f"root:x:0:0:root:/root:/usr/sbin/nologin\n{_USER}\n")
    (root / "etc/group").write_text("root:x:0:\nnobody-else:x:65532:\n")
    trusted = sorted((root / "usr/share/ca-certificates").rglob("*.crt"))
    bundle = root / "etc/ssl/certs/ca-certificates.crt"
    bundle.write_text("".join(certificate.read_text() for certificate in trusted))
    python = root / "usr/bin/python3"
    if not python.is_symlink():
        python.symlink_to(f"python{_python(root)}")


def _python(root: Path) -> str:
    for program in (root / "usr/bin").glob("python3.*"):
        if re.fullmatch(r"python3\.\d+", program.name):
            return program.name.removeprefix("python")
    raise LabError(f"there is no Python in {root}")


def _interpreter(root: Path) -> list[Argument]:
    libraries = root / "usr/lib" / f"{platform.machine()}-linux-gnu"
    (loader,) = libraries.glob("ld-linux-*.so.*")
    python = root / f"usr/bin/python{_python(root)}"
    return [loader, "--library-path", libraries, python]


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
