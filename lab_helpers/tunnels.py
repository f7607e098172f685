"""Ports of the cluster on this machine's loopback, for clients that do not speak HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Event, Thread
from types import TracebackType

from . import _wait
from ._config import environment
from ._exceptions import CommandError, LabError
from ._exec import ENDS_WITH_US, Argument, Process, spawn
from ._files import scratch
from ._kubectl import variables
from .cluster import Connection

TIMEOUT = 30
HOST = "127.0.0.1"
_INTERVAL = 0.2
_SAID = re.compile(rf"^Forwarding from {re.escape(HOST)}:(\d+) ->", re.MULTILINE)


class Tunnel:
    """A TCP port of a pod or Service, forwarded by ``kubectl port-forward``.

    It leads to one pod, also behind a Service, and ends when that pod does, when it is closed, or
    with this process.

    :ivar host: the loopback address that it listens on.
    :ivar port: its port there: the one that was asked for, or one that was free.
    """

    host = HOST

    def __init__(
        self, connection: Connection, resource: str, port: int, namespace: str, *, local: int = 0
    ) -> None:
        command: list[Argument] = [
            connection.kubectl, "--kubeconfig", connection.kubeconfig, "port-forward",
            "--address", HOST, "--namespace", namespace, resource,
            f"{local or ''}:{port}",
        ]  # fmt: skip
        # What kubectl says after its port is of no use: the file has no name by then.
        with scratch() as folder:
            log = folder / "log"
            forward = [*ENDS_WITH_US, *command]
            self._process = spawn(forward, log=log, env=environment(**variables()))
            try:
                said = partial(_said_port, self._process, log)
                self.port = _wait.until(f"a way to {resource}", said, timeout=TIMEOUT)
            except BaseException:
                self.close()
                raise

    def __repr__(self) -> str:
        return f"<Tunnel {self.host}:{self.port}>"

    def __enter__(self) -> Tunnel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.close()

    @property
    def open(self) -> bool:
        """Whether it still leads somewhere: it does not outlive its pod."""
        return self._process.poll() is None

    def close(self) -> None:
        """End it; once is enough, and more do no harm."""
        self._process.terminate()
        self._process.wait()


class KeptTunnel:
    """A tunnel that is opened again, at the same port, when its pod has ended.

    :param leads: opens it, at a port of this machine or with 0 at any.
    :ivar port: its port on loopback.
    """

    host = HOST

    def __init__(self, leads: Callable[[int], Tunnel]) -> None:
        self._leads = leads
        self._tunnel = leads(0)
        self.port = self._tunnel.port
        self._ended = Event()
        self._thread = Thread(target=self._keep, daemon=True)
        self._thread.start()

    def _keep(self) -> None:
        while not self._ended.wait(_INTERVAL):
            if not self._tunnel.open:
                self._tunnel.close()
                # No pod is there for a while; whoever waits for an answer says so.
                with suppress(LabError):
                    self._tunnel = self._leads(self.port)

    def close(self) -> None:
        """End it; once is enough, and more do no harm."""
        self._ended.set()
        self._thread.join()
        self._tunnel.close()


def _said_port(process: Process, log: Path) -> int:
    said = log.read_text()
    if found := _SAID.search(said):
        return int(found[1])
    if process.poll() is not None:
        argv = [str(word) for word in process.args] if isinstance(process.args, list) else []
        raise CommandError(argv[len(ENDS_WITH_US) :], process.returncode, said)
    raise _wait.NotYet(said or "kubectl says nothing yet")
