"""A client of one cluster: kubectl, and waiting for what it says."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from . import _wait
from ._exceptions import CommandError
from ._kubectl import kubectl
from ._reader import Object, reader
from .cluster import Connection
from .tunnels import Tunnel

if TYPE_CHECKING:
    from kubernetes.client import ApiClient


class Client:
    """Reads and changes the objects of a cluster.

    :ivar connection: how it is reached.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    @property
    def api(self) -> ApiClient:
        """The official Python client, for ``kubernetes.client.CoreV1Api(lab.api)`` and others."""
        return reader(self.connection).api

    def kubectl(
        self, *arguments: str | Path, stdin: str | None = None, timeout: float = 120
    ) -> str:
        """Run kubectl and return what it printed.

        :raises CommandError: it failed; carries what it said.
        """
        program, kubeconfig = self.connection.kubectl, self.connection.kubeconfig
        return kubectl(program, kubeconfig, *arguments, stdin=stdin, timeout=timeout)

    def get(self, kind: str, name: str = "", *, namespace: str = "", selector: str = "") -> Object:
        """One object, or a list object with ``items`` where no name is given.

        :param namespace: of namespaced kinds; every namespace where it is left out.
        :param selector: labels, as for ``kubectl get -l``.
        """
        return reader(self.connection).get(kind, name, namespace=namespace, selector=selector)

    def secret(self, name: str, *, namespace: str) -> dict[str, str]:
        """What a Secret holds, by key, decoded."""
        held = self.get("secret", name, namespace=namespace).get("data") or {}
        return {key: b64decode(value).decode() for key, value in held.items()}

    def delete(self, kind: str, name: str, *, namespace: str = "", wait: bool = True) -> str:
        """Delete an object; one that is not there is fine.

        :param wait: until it is gone.
        """
        where = ["--namespace", namespace] if namespace else []
        waiting = f"--wait={str(wait).lower()}"
        return self.kubectl("delete", kind, name, *where, "--ignore-not-found", waiting)

    def logs(self, resource: str, *, namespace: str, lines: int = 20) -> str:
        """The last lines a pod, or one pod of a Deployment, has printed."""
        return self.kubectl("logs", resource, "--namespace", namespace, f"--tail={lines}")

    def port_forward(self, resource: str, port: int, *, namespace: str) -> Tunnel:
        """A port of a pod or Service on this machine's loopback, for clients of databases.

        :param resource: ``kind/name``. Behind a Service, it is one of the pods that are ready.
        :raises CommandError: there is no such port; carries what kubectl said.
        """
        return Tunnel(self.connection, resource, port, namespace)

    def external_address(self, service: str, *, namespace: str) -> str:
        """Where a Service of type LoadBalancer is reached from outside; empty if nowhere yet."""
        status = self.get("service", service, namespace=namespace)["status"]["loadBalancer"]
        given: Object = (status.get("ingress") or [{}])[0]
        return str(given.get("ip") or given.get("hostname") or "")

    def wait(
        self, resource: str, condition: str = "Available", *, namespace: str = "",
        timeout: float = 60,
    ) -> None:  # fmt: skip
        """Wait until a condition of an object is True for its current specification.

        :param resource: ``kind/name``.
        :param timeout: seconds.
        :raises WaitTimeout: with the object's conditions and the namespace's recent events.
        """
        _wait.until(
            f"{resource} to be {condition}",
            lambda: self._condition(resource, condition, namespace),
            timeout=timeout,
            interval=0.2,
            events=lambda: self.events(namespace),
        )

    def _condition(self, resource: str, condition: str, namespace: str) -> None:
        kind, _, name = resource.partition("/")
        try:
            found = self.get(kind, name, namespace=namespace)
        except CommandError as missing:
            raise _wait.NotYet(missing.output) from missing
        status = found.get("status", {})
        if status.get("observedGeneration", 0) < found["metadata"].get("generation", 0) and (
            "observedGeneration" in status
        ):
            raise _wait.NotYet("the controller has not seen the change yet")
        conditions = {c["type"]: c for c in status.get("conditions", [])}
        if conditions.get(condition, {}).get("status") != "True":
            seen = [
                f"{c['type']}={c['status']} {c.get('message', '')}" for c in conditions.values()
            ]
            raise _wait.NotYet("; ".join(seen) or "no conditions yet")

    def wait_until(self, what: str, holds: Callable[[], object], *, timeout: float = 60) -> None:
        """Wait until something about the cluster is so.

        :param holds: looks; a false value, or kubectl's refusal, means not yet.
        :raises WaitTimeout: with what was seen last and the cluster's recent events.
        """

        def probe() -> None:
            try:
                seen = holds()
            except CommandError as refused:
                raise _wait.NotYet(refused.output) from refused
            if not seen:
                raise _wait.NotYet(f"it is {seen!r}")

        _wait.until(what, probe, timeout=timeout, interval=0.3, events=self.events)

    def events(self, namespace: str = "", *, lines: int = 10) -> str:
        """The newest events of a namespace, as kubectl prints them."""
        where = ["--namespace", namespace] if namespace else ["--all-namespaces"]
        listed = self.kubectl("get", "events", *where, "--sort-by=.lastTimestamp")
        return "\n".join(listed.splitlines()[-lines:])

    def pods(self, namespace: str, selector: str = "") -> list[Object]:
        """The pods of a namespace that are not on their way out."""
        items: list[Object] = self.get("pods", namespace=namespace, selector=selector)["items"]
        return [pod for pod in items if "deletionTimestamp" not in pod["metadata"]]

    def ready_pods(self, namespace: str, selector: str = "") -> list[str]:
        """The names of the pods that are ready to serve."""
        return sorted(
            pod["metadata"]["name"]
            for pod in self.pods(namespace, selector)
            if any(c["type"] == "Ready" and c["status"] == "True"
                   for c in pod["status"].get("conditions", []))
        )  # fmt: skip

    def restarts(self, namespace: str, selector: str = "") -> int:
        """How often containers of these pods were started again."""
        return sum(
            container["restartCount"]
            for pod in self.pods(namespace, selector)
            for container in pod["status"].get("containerStatuses", [])
        )
