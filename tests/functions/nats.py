"""NATS' own server, set up as the component has it, for functions and connectors."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import nats
import yaml
from nats.aio.client import Client

from lab_helpers._config import ROOT
from lab_helpers._wait import NotYet, until
from lab_helpers.images import CATALOGUE

T = TypeVar("T")
USERS = ("admin", "bus", "connector", "functions", "minio")


class Nats:
    """A server with a folder of its own.

    :ivar port: the same one after each start.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._monitor = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        for name in USERS:
            (folder / f"{name}.conf").write_text(f'{name.upper()}: "of-{name}"\n')
        (folder / "nats.conf").write_text(self._settings())

    def _settings(self) -> str:
        """The component's, with other ports and another folder."""
        manifest = ROOT / "manifests/components/nats/server.yaml"
        (said,) = (
            each["data"]["nats.conf"]
            for each in yaml.safe_load_all(manifest.read_text())
            if each["kind"] == "ConfigMap"
        )
        said = said.replace("$$", "$").replace("/data", str(self.folder / "data"))
        changes = (("port: 4222", f"host: 127.0.0.1\nport: {self.port}"),
                   ("http_port: 8222", f"http: 127.0.0.1:{self._monitor}"))  # fmt: skip
        for old, new in changes:
            said, count = re.subn(f"^{old}$", new, said, flags=re.MULTILINE)
            assert count == 1, old
        return str(said)

    def start(self) -> Nats:
        """Start it, and wait until it takes clients."""
        program = CATALOGUE["nats"].source.bin() / "nats-server"
        with (self.folder / "log").open("a") as sink:
            self._process = subprocess.Popen(
                [program, "--config", self.folder / "nats.conf"], stdout=sink, stderr=sink
            )
        until("NATS to answer", self._probe, timeout=20, interval=0.02)
        return self

    def _probe(self) -> None:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "log").read_text()
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as client:
                client.recv(4)
        except OSError as refused:
            raise NotYet(str(refused)) from refused

    def end(self, how: signal.Signals = signal.SIGKILL) -> None:
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait()

    async def client(self, user: str = "admin", **options: Any) -> Client:
        return await nats.connect(
            f"nats://127.0.0.1:{self.port}", user=user, password=f"of-{user}",
            **{"allow_reconnect": False, **options},
        )  # fmt: skip

    def do(self, work: Callable[[Client], Awaitable[T]], user: str = "admin") -> T:
        """Do something with a connection of a user."""

        async def connected() -> T:
            client = await self.client(user)
            try:
                return await work(client)
            finally:
                await client.close()

        return asyncio.run(connected())

    def publish(self, subject: str, *bodies: bytes, user: str = "admin") -> None:
        async def work(client: Client) -> None:
            for body in bodies:
                await client.publish(subject, body)
            await client.flush()

        self.do(work, user)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port
