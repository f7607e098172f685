"""A connection to the cluster: what every chapter begins with."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from . import _http, _wait, record
from ._client import Client
from ._config import export, settings
from ._exceptions import LabError
from ._manifests import Place, fitting
from .checks import Check, Exercise
from .cluster import Connection, provider
from .session import variables

if TYPE_CHECKING:
    from .mongodb import MongoDB
    from .openfaas.workflow import OpenFaaS
    from .storage import Storage
    from .ui import ClusterDiagram, PodWatch


def connect(*, chapter: str = "", solve: bool = False) -> Lab:
    """Connect this notebook to the running cluster: the embedded one, or what ``LAB_CLUSTER`` says.

    From then on ``!kubectl`` in a cell talks to that cluster, in the version that fits it.

    :param chapter: the chapter's number, under which passed checks are recorded.
    :param solve: put the solutions of exercises in place and let failing checks raise, as
        papermill does when it runs the course as a test.
    :raises LabError: there is no cluster, or it does not run.
    """
    connection = provider().connection()
    export(**variables(connection))
    return Lab(connection, chapter=chapter, solve=solve or settings().solve)


class Lab(Client):
    """A cluster and the few things a chapter does with it again and again.

    :ivar chapter: the chapter's number; without one, nothing is recorded.
    :ivar solve: whether this is a run without a learner.
    :ivar learner: what the names of things start with that learners must not share.
    """

    def __init__(
        self, connection: Connection, *, chapter: str = "", solve: bool = False,
        learner: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(connection)
        self.chapter = chapter
        self.solve = solve
        self.learner = settings().learner if learner is None else learner

    def __repr__(self) -> str:
        node = self.get("nodes")["items"][0]
        version = node["status"]["nodeInfo"]["kubeletVersion"]
        name = node["metadata"]["name"]
        return f"<Kubernetes {version} on node {name}, pages at {self.url('NAME')}>"

    @cached_property
    def http(self) -> httpx.Client:
        """An httpx client that resolves ``*.localhost`` on every machine."""
        return _http.client()

    @property
    def _place(self) -> Place:
        return Place(self.learner, self.connection.domain, self.connection.registry)

    def name(self, name: str) -> str:
        """The name of a namespace, bucket or realm: with the learner's prefix, where there is one.

        Objects inside a namespace have the same name for everybody.
        """
        return Place(self.learner).name(name)

    def url(self, name: str, path: str = "/") -> str:
        """The address of a page: ``http://NAME.localhost:PORT/…``, for browsers and pods alike.

        :param name: without the learner's prefix, which the address has.
        """
        return self.with_port(f"http://{self.name(name)}.{self.connection.domain}", path)

    def manifests(self, chapter: str) -> Path:
        """The folder of a chapter's manifests, for ``!kubectl apply -f {folder}/…`` in a cell.

        With a learner's prefix, or on a cluster with another domain or registry, it is a copy that
        says so. Relative to where the notebook runs, as a shell needs it.

        :raises LabError: there is no such folder.
        """
        return Path(os.path.relpath(fitting(Path("chapters", chapter), self._place)))

    def apply(self, path: str | Path) -> str:
        """Apply a manifest or a kustomization, given relative to ``manifests/``.

        :raises LabError: there is no such file or folder.
        """
        target = fitting(Path(path), self._place)
        flag = "--kustomize" if target.is_dir() else "--filename"
        return self.kubectl("apply", "--server-side", flag, target)

    def wait_for_page(self, name: str, path: str = "/", *, timeout: float = 30) -> str:
        """Wait until a page answers, and return its address.

        The ingress learns of a new Ingress, or of a Service's new pods, a moment after the API.
        """
        return self._answering(self.url(name, path), timeout)

    def wait_for_service(
        self, name: str, path: str = "/", *, namespace: str, timeout: float = 60
    ) -> str:
        """Wait until a Knative Service answers, and return its address.

        Traefik says that a route is ready a moment before it goes by it.
        """
        self.wait(f"ksvc/{name}", "Ready", namespace=namespace, timeout=timeout)
        return self._answering(self.service_url(name, path, namespace=namespace), timeout)

    def _answering(self, address: str, timeout: float) -> str:
        def probe() -> None:
            try:
                status = self.http.get(address).status_code
            except httpx.HTTPError as refused:
                raise _wait.NotYet(str(refused)) from refused
            if status >= httpx.codes.BAD_REQUEST:
                raise _wait.NotYet(f"it answers {status}")

        _wait.until(f"{address} to answer", probe, timeout=timeout, events=self.events)
        return address

    def push_image(self, name: str) -> str:
        """Push an image that was built here to the cluster's registry.

        :param name: the image's name without registry and tag.
        :returns: the reference by which the cluster finds it.
        """
        from .builds import ensure
        from .images import CATALOGUE, push

        image = CATALOGUE[name]
        ensure([image.artifact])
        push(image.reference, image.archive, address=self._registry())
        return self._place.image(image.reference)

    def push_function(self, name: str, *, tag: str) -> str:
        """Make a function's image where it is missing, and push it to the cluster's registry.

        :param name: its folder under ``functions/``.
        :returns: the reference by which the cluster finds it.
        """
        from .functions import find

        return self._place.image(find(name).push(address=self._registry(), tag=tag))

    def _registry(self) -> str:
        if not self.connection.registry_address:
            raise LabError(
                "there is no registry to push images to",
                remedy="./lab up --cluster … --registry HOST[:PORT], one that the cluster reaches",
            )
        return self.connection.registry_address

    def enable(self, component: str) -> None:
        """Put a system that the course teaches on the cluster; nothing happens where it is.

        :raises LabError: it cannot be had, or did not become ready; says why.
        """
        from . import components

        components.enable(provider(), component)

    def definitions(self, component: str) -> AbstractContextManager[None]:
        """A block in which the cluster knows the kinds that a component would bring.

        So manifests can be tried, with ``kubectl apply --dry-run=server``, where the component
        itself cannot run.
        """
        from . import components

        return components.definitions(provider(), component)

    def mongodb(self) -> MongoDB:
        """MongoDB, as this learner uses it.

        :raises LabError: it is not on the cluster.
        """
        from .mongodb import MongoDB

        return MongoDB.on(self)

    def openfaas(self) -> OpenFaaS:
        """The functions of OpenFaaS, as this learner has them.

        :raises LabError: OpenFaaS is not on the cluster.
        """
        from .openfaas.workflow import OpenFaaS

        return OpenFaaS.on(self)

    def storage(self, server: str = "minio") -> Storage:
        """A server that speaks S3, ``minio`` or ``seaweedfs``.

        :raises LabError: it is not on the cluster.
        """
        from .storage import Storage

        return Storage.on(self, server)

    def service_url(self, name: str, path: str = "/", *, namespace: str) -> str:
        """The address of a Knative Service, as Knative says it, with the port of pages."""
        address: str = self.get("ksvc", name, namespace=namespace)["status"]["url"]
        return self.with_port(address, path)

    def with_port(self, address: str, path: str = "/") -> str:
        """An address as the cluster says it, which knows nothing of the port on this machine."""
        port = self.connection.ingress_port
        return f"{address}{path}" if port == 80 else f"{address}:{port}{path}"

    def latencies(self, url: str, count: int) -> list[float]:
        """How long requests took that were sent one after the other, in milliseconds.

        :raises httpx.HTTPStatusError: one was not answered with success.
        """
        from .load import latencies

        return latencies(self.http, url, count)

    def count_answers(self, url: str, count: int, *, header: str) -> Counter[str]:
        """Send requests side by side, and count the answers by the value of a header.

        :raises httpx.HTTPStatusError: one was not answered with success.
        """
        from .load import count_answers

        return count_answers(self.http, url, count, header=header)

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

        A learner sees a line either way; a run without a learner stops at a failing one. One that
        holds is recorded.

        :param claim: a sentence, which is also the check's name in the record.
        :param holds: true or false, the result of having looked.
        :param seen: what was looked at, shown when it fails.
        :raises CheckFailed: it does not hold, and nobody is there to read it.
        """
        looked = Check(claim, bool(holds), str(seen))
        return self._noted(record.key(self.chapter, claim), looked)

    def exercise(self, key: str) -> Check:
        """Look at what the learner did in an exercise, and say what is missing.

        In a run without a learner the solution is put in place first.

        :param key: the exercise's name, ``chapter/name``.
        """
        exercise = Exercise.named(key)
        if self.solve:
            exercise.solve(self)
        return self._noted(record.exercise_key(key), exercise.look(self))

    def _noted(self, name: str, look: Check) -> Check:
        if look.holds and self.chapter:
            record.keep(self, name, look)
        return look.report(strict=self.solve)
