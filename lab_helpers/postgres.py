"""PostgreSQL and Patroni, from the distribution's packages, for an image like Zalando's Spilo.

Upstream's image is not published anywhere but as an image. What the operator expects of it is
small: PostgreSQL's programs, Patroni, and a program that turns the operator's environment into
Patroni's configuration, ``images/postgres/launch.py``.
"""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path

from . import _progress
from ._artifacts import Artifact
from ._config import ROOT
from ._exceptions import LabError
from ._exec import run
from ._files import write
from ._roots import DebianRoot, check_libraries, program

UID, GID = 101, 103
"""The user that PostgreSQL runs as: the same as in upstream's image, as volumes belong to it."""
_LAUNCHER = ROOT / "images" / "postgres" / "launch.py"
_PACKAGES = ("ca-certificates", "dash", "openssl", "patroni", "postgresql", "tzdata")
"""initdb and pg_rewind start programs through a shell."""
_LEFT_OUT = re.compile(
    r"adduser|debconf|debianutils|dpkg|init-system-helpers|lsb-base|passwd|sysvinit-utils|tar"
    r"|sensible-utils|ssl-cert|ucf|usrmerge|libsem.*|libsepol.*|libpam-.*"  # scripts call them
    r"|perl.*|lib.*-perl|libperl.*|libgdbm.*|libdb5.3.*|postgresql|postgresql-common"
    r"|postgresql-client-common|locales.*|libc-l10n|gcc-\d+-base|netbase|readline-common"
    r"|libllvm.*|libz3.*"  # PostgreSQL compiles queries with it; those of a course are short
    r"|python3-(etcd|consul|kazoo|dnspython|pysyncobj|colorama)"  # other stores than Kubernetes
)
_PRUNED = (
    "usr/lib/postgresql/*/lib/bitcode", "usr/lib/postgresql/*/lib/llvmjit*",
    "usr/lib/postgresql/*/bin/oid2name", "usr/lib/postgresql/*/bin/vacuumlo",
    "usr/lib/python3.*/ensurepip", "usr/lib/python3.*/idlelib",
    "usr/lib/python3.*/lib-dynload/_dbm*", "usr/lib/python3.*/lib-dynload/nis*",
    "usr/lib/python3.*/lib2to3", "usr/lib/python3.*/pydoc_data", "usr/lib/python3.*/test",
    "usr/lib/x86_64-linux-gnu/perl*", "usr/share/perl*", "usr/share/postgresql/*/man",
)  # fmt: skip
_USERS = (
    "root:x:0:0:root:/root:/usr/sbin/nologin\n"
    f"postgres:x:{UID}:{GID}:PostgreSQL:/home/postgres:/bin/sh\n"
)
_GROUPS = f"root:x:0:\npostgres:x:{GID}:\n"


class PostgresRoot(DebianRoot):
    """What goes into the image, as a folder ``root``, and the program that is started."""

    name = "postgres"
    packages = _PACKAGES
    pruned = _PRUNED
    inputs = (_LEFT_OUT.pattern, _USERS, _LAUNCHER)

    @cached_property
    def artifact(self) -> Artifact:
        return Artifact("root-postgres", "unpack PostgreSQL and Patroni", self.key_of(), self._make)

    def bin(self) -> Path:
        """The folder of what the image is made of, made first where it is missing."""
        return self.artifact.build()

    @property
    def root(self) -> Path:
        """The file system, whose programs can be run on this machine."""
        return self.bin() / "root"

    @property
    def version(self) -> str:
        """The image's tag. A node keeps an image by its name, so another one has another tag."""
        return f"v1-{self.artifact.key[:8]}"

    def keeps(self, package: str) -> bool:
        return not _LEFT_OUT.fullmatch(package)

    def complete(self, root: Path, step: _progress.Step) -> None:
        from .bases.python import compile_all

        binaries = binaries_of(root)
        check_libraries(root, binaries, binaries.parent / "lib")
        (root / "usr/bin/psql").unlink(missing_ok=True)
        (root / "usr/bin/psql").symlink_to(f"../../{binaries.relative_to(root)}/psql")
        (root / "usr/bin/sh").unlink(missing_ok=True)
        (root / "usr/bin/sh").symlink_to("dash")
        write(root / "etc/passwd", _USERS)
        write(root / "etc/group", _GROUPS)
        step.update("compile Patroni")
        (python,) = (root / "usr/lib").glob("python3.*")
        interpreter = program(root, f"usr/bin/{python.name}")
        for library in (python, root / "usr/lib/python3/dist-packages"):
            compile_all(interpreter, library, f"/{library.relative_to(root)}")
        # What was left out must be missed by nothing that stayed.
        run([*interpreter, "-I", "-B", "-c",
             "import patroni.__main__, patroni.dcs.kubernetes, psycopg2, ssl, yaml"],
            env={"PYTHONPATH": ""})  # fmt: skip

    def _make(self, folder: Path, step: _progress.Step) -> None:
        root = folder / "root"
        self.make_root(root, step)
        # As the folder for everybody's temporary files: there is no telling who the user will be.
        for writable in ("home/postgres", "run/postgresql"):
            (root / writable).mkdir(parents=True)
            (root / writable).chmod(0o1777)
        (root / "var").mkdir(exist_ok=True)
        (root / "var/run").symlink_to("../run")
        (folder / _LAUNCHER.name).write_bytes(_LAUNCHER.read_bytes())
        (folder / _LAUNCHER.name).chmod(0o755)


def binaries_of(root: Path) -> Path:
    """The folder of PostgreSQL's programs.

    :raises LabError: there are none, or of several versions.
    """
    found = sorted((root / "usr/lib/postgresql").glob("*/bin"))
    if len(found) != 1:
        raise LabError(f"there is no PostgreSQL in {root}", seen=", ".join(map(str, found)))
    return found[0]
