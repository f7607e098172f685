"""SecantusDB as its image runs it, for functions that keep documents."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from lab_helpers import images
from lab_helpers._wait import NotYet, until
from lab_helpers.bases import base
from lab_helpers.servers import PythonServer

SERVER = PythonServer(images.IMAGES / "secantusdb")
SYSTEM = ("BACKUP", "CLUSTER_ADMIN", "CLUSTER_MONITOR", "DATABASE_ADMIN", "USER_ADMIN")
Client = MongoClient[dict[str, Any]]


class Mongo:
    """A server with a folder of its own, and the users that its Secrets name.

    :ivar port: the same one after each start.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        for name in SYSTEM:
            self.say("users", f"MONGODB_{name}_USER", name.lower())
            self.say("users", f"MONGODB_{name}_PASSWORD", f"of-{name.lower()}")
        for key in ("username", "database"):
            self.say("application", key, "app")
        self.say("application", "password", "secret")

    def say(self, secret: str, key: str, value: str) -> None:
        """What a key of a Secret holds."""
        (self.folder / secret).mkdir(exist_ok=True)
        (self.folder / secret / key).write_text(value)

    def uri(self, user: str = "app", word: str = "secret", database: str = "app") -> str:
        return (
            f"mongodb://{user}:{word}@127.0.0.1:{self.port}/{database}"
            "?authSource=admin&directConnection=true"
        )

    def client(self, **user: str) -> Client:
        return MongoClient(self.uri(**user), serverSelectionTimeoutMS=2000)

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def start(self) -> Mongo:
        """Start the server, and wait until it asks for passwords."""
        made = SERVER.bin()
        data = self.folder / "data"
        data.mkdir(exist_ok=True)
        variables = {
            "PYTHONPATH": str(made / "packages"), "DATA": str(data),
            "USERS": str(self.folder / "users"), "APPLICATION": str(self.folder / "application"),
            "HOST": "127.0.0.1", "PORT": str(self.port), "CACHE": "32M",
        }  # fmt: skip
        interpreter = [str(word) for word in base().interpreter]  # type: ignore[attr-defined]
        with (self.folder / "log").open("a") as sink:
            self._process = subprocess.Popen(
                [*interpreter, "-u", str(made / "server" / "main.py")], stdout=sink, stderr=sink,
                env={**os.environ, **variables},
            )  # fmt: skip
        until("SecantusDB to answer", self._probe, timeout=60, interval=0.1)
        return self

    def _probe(self) -> None:
        assert self._process is not None
        assert self._process.poll() is None, self.log
        try:
            with MongoClient(
                f"mongodb://127.0.0.1:{self.port}/?directConnection=true",
                serverSelectionTimeoutMS=500,
            ) as anyone:
                anyone.admin.command("ping")
        except PyMongoError as refused:
            raise NotYet(str(refused)) from refused

    def end(self, how: signal.Signals = signal.SIGKILL) -> int:
        """End it, and return its exit code."""
        assert self._process is not None
        self._process.send_signal(how)
        return self._process.wait()


class Relay:
    """A port that leads to another one, and keeps what clients send.

    :ivar seen: all of it.
    """

    def __init__(self, target: int) -> None:
        self.seen = b""
        self._target = target
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._open: list[socket.socket] = [self._listening]

    def __enter__(self) -> Relay:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                self._open += [client, server]
                for ends in ((client, server), (server, client)):
                    threading.Thread(target=self._pump, args=ends, daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if target.getpeername()[1] == self._target:
                    self.seen += data
                target.sendall(data)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port
