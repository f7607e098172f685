"""A real PostgreSQL on loopback, with the programs of the course's own image."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Callable
from contextlib import closing
from functools import cached_property
from pathlib import Path
from secrets import token_urlsafe
from typing import Any, LiteralString

import psycopg
from psycopg.sql import SQL, Literal

from lab_helpers._roots import program
from lab_helpers._wait import NotYet, until
from lab_helpers.postgres import GID, UID, binaries_of

PASSWORD = token_urlsafe()
_OF_THE_SYSTEM = (
    "ld-linux", "libanl", "libc.", "libdl.", "libm.", "libmvec.", "libnsl.", "libnss_",
    "libpthread", "libresolv.", "librt.", "libutil.",
)  # fmt: skip
"""The C library, of which a process has one, and the loader that belongs to it: this machine's."""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


class Postgres:
    """One server and its data. It asks for passwords, and for TLS.

    :ivar port: its port on loopback, the same at each start.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        self._root, self._folder = root, folder
        self._binaries = binaries_of(root)
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self._make()

    def start(self, *, tls: bool = True) -> None:
        """Start it, and wait until it answers."""
        options = [f"ssl={'on' if tls else 'off'}", "fsync=off", f"port={self.port}",
                   f"unix_socket_directories={self._folder}",
                   f"ssl_cert_file={self._folder}/server.crt",
                   f"ssl_key_file={self._folder}/server.key"]  # fmt: skip
        words = [word for option in options for word in ("-c", option)]
        with (self._folder / "log").open("a") as sink:
            self._process = subprocess.Popen(
                [*_AS_ANOTHER, self._binaries / "postgres", "-D", self._data, *words],
                env=self._environment, stdout=sink, stderr=sink,
            )  # fmt: skip
        until("PostgreSQL to answer", self._answers, timeout=20, interval=0.05)

    def kill(self) -> None:
        """End it as a crash does, and all its sessions."""
        self._end(signal.SIGQUIT)

    def stop(self) -> None:
        self._end(signal.SIGINT)

    def connect(self, database: str = "foo") -> psycopg.Connection[Any]:
        """A connection of its own as superuser."""
        return psycopg.connect(
            host=str(self._folder), port=self.port, user="postgres", dbname=database,
            autocommit=True,
        )  # fmt: skip

    def value(self, query: LiteralString, *arguments: Any, database: str = "foo") -> Any:
        """The first value of what a query gives; None where it gives no row."""
        with closing(self.connect(database)) as connection:
            cursor = connection.execute(query, arguments)
            row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None

    def _answers(self) -> None:
        try:
            self.connect("postgres").close()
        except psycopg.OperationalError as wrong:
            log = (self._folder / "log").read_text()
            raise NotYet(f"{wrong}; it printed {log!r}") from wrong

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait()
            self._process = None

    @cached_property
    def _environment(self) -> dict[str, str]:
        """Its libraries, for the programs that it starts, too."""
        libraries = self._folder / "libraries"
        libraries.mkdir()
        for found in (self._root / "usr/lib").glob("*-linux-gnu/*.so*"):
            if not found.name.startswith(_OF_THE_SYSTEM):
                (libraries / found.name).symlink_to(found)
        return {"LD_LIBRARY_PATH": str(libraries), "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _make(self) -> None:
        self._run("initdb", "-D", self._data, "-U", "postgres", "--auth=trust", "--no-sync")
        host = "hostssl all all 127.0.0.1/32 scram-sha-256\n"
        (self._data / "pg_hba.conf").write_text("local all all trust\n" + host)
        openssl = [*program(self._root, "usr/bin/openssl"), "req", "-x509", "-nodes", "-newkey",
                   "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", "/CN=test",
                   "-keyout", self._folder / "server.key", "-out", self._folder / "server.crt",
                   "-config", self._root / "etc/ssl/openssl.cnf"]  # fmt: skip
        subprocess.run(openssl, check=True, capture_output=True, umask=0o077)
        self.start()
        with closing(self.connect("postgres")) as connection:
            made = SQL("CREATE ROLE zalando LOGIN PASSWORD {}").format(Literal(PASSWORD))
            connection.execute(made)
            connection.execute("CREATE DATABASE foo OWNER zalando")

    def _run(self, name: str, *words: str | Path) -> None:
        subprocess.run(
            [*_AS_ANOTHER, self._binaries / name, *words],
            check=True, capture_output=True, env=self._environment,
        )  # fmt: skip


_AS_ANOTHER = (
    ["unshare", "--user", f"--map-user={UID}", f"--map-group={GID}"] if os.getuid() == 0 else []
)
"""PostgreSQL refuses to run as root. In a namespace of its own, root has another number."""

Begin = Callable[..., Postgres]
