"""A connection to the cluster: what every chapter begins with."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from . import _http, _wait
from ._config import ROOT, export, settings
from ._exceptions import CommandError, LabError
from ._kubectl import kubectl
from .checks import Check, Exercise
from .cluster import Connection, provider
from .session import variables

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

    from .ui import ClusterDiagram, PodWatch

Object = dict[str, Any]


def connect(*, solve: bool = False, cluster: str = "embedded") -> Lab:
    """Connect this notebook to the running cluster.

    From then on ``!kubectl`` in a cell talks to that cluster, in the version that fits it.

    :param solve: put the solutions of exercises in place and let failing checks raise, as
        papermill does when it runs the course as a test.
    :raises LabError: there is no cluster, or it does not run.
    """
    connection = provider(cluster).connection()
    export(**variables(connection))
    return Lab(connection, solve=solve or settings().solve)


class Lab:
    """A cluster and the few things a chapter does with it again and again.

    :ivar connection: how it is reached.
    :ivar solve: whether this is a run without a learner.
    """

    def __init__(self, connection: Connection, *, solve: bool = False) -> None:
        self.connection = connection
        self.solve = solve

    def __repr__(self) -> str:
        node = self.get("nodes")["items"][0]
        version = node["status"]["nodeInfo"]["kubeletVersion"]
        name = node["metadata"]["name"]
        return f"<Kubernetes {version} on node {name}, pages at {self.url('NAME')}>"

    @cached_property
    def api(self) -> ApiClient:
        """The official Python client, for ``kubernetes.client.CoreV1Api(lab.api)`` and others."""
        from kubernetes import config

        client: ApiClient = config.new_client_from_config(str(self.connection.kubeconfig))
        return client

    @cached_property
    def http(self) -> httpx.Client:
        """An httpx client that resolves ``*.localhost`` on every machine."""
        return _http.client()

    def url(self, name: str, path: str = "/") -> str:
        """The address of a page: ``http://NAME.localhost:PORT/…``, for browsers and pods alike."""
        return f"http://{name}.{self.connection.domain}:{self.connection.ingress_port}{path}"

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
        where = ["--namespace", namespace] if namespace else ["--all-namespaces"]
        chosen = [name] if name else ["--selector", selector]
        if name and not namespace:
            where = []
        found: Object = json.loads(self.kubectl("get", kind, *chosen, *where, "-o", "json"))
        return found

    def apply(self, path: str | Path) -> str:
        """Apply a manifest or a kustomization, given relative to ``manifests/``.

        :raises LabError: there is no such file or folder.
        """
        target = ROOT / "manifests" / path
        if not target.exists():
            raise LabError(f"no manifest {target}")
        flag = "--kustomize" if target.is_dir() else "--filename"
        return self.kubectl("apply", "--server-side", flag, target)

    def delete(self, kind: str, name: str, *, namespace: str = "") -> str:
        """Delete an object and wait until it is gone; one that is not there is fine."""
        where = ["--namespace", namespace] if namespace else []
        return self.kubectl("delete", kind, name, *where, "--ignore-not-found", "--wait")

    def logs(self, resource: str, *, namespace: str, lines: int = 20) -> str:
        """The last lines a pod, or one pod of a Deployment, has printed."""
        return self.kubectl("logs", resource, "--namespace", namespace, f"--tail={lines}")

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

    def wait_for_page(self, name: str, path: str = "/", *, timeout: float = 30) -> str:
        """Wait until a page answers, and return its address.

        The ingress learns of a new Ingress, or of a Service's new pods, a moment after the API.
        """
        address = self.url(name, path)

        def probe() -> None:
            try:
                status = self.http.get(address).status_code
            except httpx.HTTPError as refused:
                raise _wait.NotYet(str(refused)) from refused
            if status >= httpx.codes.BAD_REQUEST:
                raise _wait.NotYet(f"it answers {status}")

        _wait.until(f"{address} to answer", probe, timeout=timeout, events=self.events)
        return address

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

    def push_image(self, name: str) -> str:
        """Push an image that was built here to the cluster's registry.

        :param name: the image's name without registry and tag.
        :returns: the reference a manifest uses.
        """
        from .images import CATALOGUE, push

        image = CATALOGUE[name]
        image.artifact.build()
        push(image.reference, image.archive, port=self.connection.registry_port)
        return image.reference

    def watch_pods(self, namespace: str, selector: str = "") -> PodWatch:
        """A live view of pods: a table that follows the cluster, and a record to plot."""
        from .ui import PodWatch

        return PodWatch(self, namespace, selector)

    def diagram(self) -> ClusterDiagram:
        """The cluster as it is now, as a picture and as text."""
        from .ui import ClusterDiagram

        return ClusterDiagram.of(self)

    def check(self, claim: str, holds: object, *, seen: object = "") -> Check:
        """Say whether a claim about the cluster holds.

        A learner sees a line either way; a run without a learner stops at a failing one.

        :param holds: true or false, the result of having looked.
        :param seen: what was looked at, shown when it fails.
        :raises CheckFailed: it does not hold, and nobody is there to read it.
        """
        return Check(claim, bool(holds), str(seen)).report(strict=self.solve)

    def exercise(self, key: str) -> Check:
        """Look at what the learner did in an exercise, and say what is missing.

        In a run without a learner the solution is put in place first.

        :param key: the exercise's name, ``chapter/name``.
        """
        exercise = Exercise.named(key)
        if self.solve:
            exercise.solve(self)
        return exercise.look(self).report(strict=self.solve)
