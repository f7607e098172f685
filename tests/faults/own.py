"""Clusters of a test's own, driven by the command line, and what watches them meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL, STDOUT, Popen
from threading import Event, Thread
from types import TracebackType
from typing import Any

import httpx

from lab_helpers import CommandError, Lab, _http, _wait
from lab_helpers._config import ROOT, environment
from lab_helpers._exec import Argument, run
from lab_helpers.cluster import Connection
from lab_helpers.images import REGISTRY

from .machine import Cluster, traces, uptime


class OwnCluster(Cluster):
    """A cluster that nobody else uses.

    :param root: the clone whose command line drives it.
    :ivar env: the environment it is driven in.
    """

    def __init__(self, name: str, *, root: Path = ROOT) -> None:
        super().__init__(name)
        self.script = root / "lab"
        self.env = environment(LAB_NAME=name)

    def command(self, *arguments: Argument, timeout: float = 120) -> str:
        """Run ``./lab`` for this cluster and return what it printed on stdout.

        :raises CommandError: with its exit code and what it said.
        """
        return run([self.script, *arguments], env=self.env, timeout=timeout)

    def start(self, *arguments: Argument, log: Path) -> Popen[bytes]:
        """Start ``./lab`` and leave it running."""
        words = [str(word) for word in (self.script, *arguments)]
        with log.open("ab") as sink:
            return Popen(words, env=self.env, stdin=DEVNULL, stdout=sink, stderr=STDOUT)

    def status(self) -> dict[str, Any]:
        """What ``./lab status --json`` says about the cluster."""
        found: dict[str, Any] = json.loads(self.command("status", "--json"))["cluster"]
        return found

    def connect(self) -> Lab:
        """A connection to it, whatever cluster this process is set to."""
        node = self.node
        return Lab(
            Connection(
                provider="embedded",
                kubeconfig=node.kubeconfig,
                domain="localhost",
                ingress_port=node.ingress_port,
                registry=REGISTRY,
                registry_address=f"localhost:{node.registry_port}",
                kubectl=node.kubectl,
            )
        )

    def down(self) -> list[str]:
        """Remove it, and return what is left of it all the same."""
        namespaces: set[str] = set()
        with suppress(AssertionError):
            namespaces = self.namespaces()
        before = uptime()
        self.command("down")
        return traces(self.name, namespaces, before=before)


class _Repeated:
    """Does something again and again in a thread, while the block runs."""

    def __init__(self, do: Callable[[], None], *, pause: float) -> None:
        self._do = do
        self._pause = pause
        self._end = Event()
        self._thread = Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self._end.wait(self._pause):
            self._do()

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._end.set()
        self._thread.join()


class Visitor:
    """Somebody who opens a page all the time, on a connection of its own each time.

    :ivar answers: how many answers came.
    :ivar failures: what happened instead of an answer.
    """

    def __init__(self, address: str) -> None:
        self.answers = 0
        self.failures: list[str] = []
        self._address = address

    def coming(self) -> _Repeated:
        """Visits as long as the block runs."""
        return _Repeated(self._visit, pause=0.02)

    def _visit(self) -> None:
        try:
            with _http.client(timeout=5) as client:
                client.get(self._address).raise_for_status()
        except httpx.HTTPError as failed:
            self.failures.append(repr(failed))
        else:
            self.answers += 1


class Writer:
    """Somebody who writes ConfigMaps all the time.

    :ivar acknowledged: the names of those that the API has said it made.
    """

    def __init__(self, lab: Lab, namespace: str) -> None:
        from kubernetes.client import CoreV1Api

        self.acknowledged: list[str] = []
        self._api = CoreV1Api(lab.api)
        self._namespace = namespace

    def writing(self) -> _Repeated:
        """Writes as long as the block runs."""
        return _Repeated(self._write, pause=0.001)

    def _write(self) -> None:
        from kubernetes.client import ApiException, V1ConfigMap, V1ObjectMeta
        from urllib3.exceptions import HTTPError

        name = f"written-{len(self.acknowledged)}"
        with suppress(ApiException, HTTPError):
            self._api.create_namespaced_config_map(
                self._namespace,
                V1ConfigMap(metadata=V1ObjectMeta(name=name), data={"name": name}),
                _request_timeout=2,
            )
            self.acknowledged.append(name)


def until(what: str, holds: Callable[[], object], *, timeout: float, interval: float = 0.1) -> None:
    """Wait until something is so; a false value or a refused command means not yet."""

    def probe() -> None:
        try:
            seen = holds()
        except (CommandError, AssertionError) as refused:
            raise _wait.NotYet(str(refused)) from refused
        if not seen:
            raise _wait.NotYet(f"it is {seen!r}")

    _wait.until(what, probe, timeout=timeout, interval=interval)
