"""What a provider of clusters must do, whoever makes the cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Connection:
    """How to reach a cluster.

    :ivar provider: ``embedded``, ``microk8s`` or ``kubeconfig``.
    :ivar kubeconfig: a file with one context.
    :ivar domain: pages are served at ``NAME.domain``.
    :ivar ingress_port: the port of those pages, the same inside the cluster.
    :ivar registry: the registry as image names on the cluster call it.
    :ivar registry_address: the same registry as it is reached from here.
    :ivar kubectl: the client that fits the cluster's version.
    :ivar images: whether components run images ``built`` here or pulled from ``upstream``.
    :ivar pool: addresses for Services of type LoadBalancer, as ``10.153.0.128/26``; empty where
        they are not the course's to give.
    """

    provider: str
    kubeconfig: Path
    domain: str
    ingress_port: int
    registry: str
    registry_address: str
    kubectl: Path
    images: str = "built"
    pool: str = ""


@dataclass(frozen=True)
class Status:
    """What there is of a cluster: ``absent``, ``stopped``, ``running`` or ``broken``."""

    state: str
    detail: str = ""


class Provider(Protocol):
    """A way to have a cluster. Every method can be called again after being interrupted."""

    name: str

    def create(self) -> Connection:
        """Make the cluster, or start it, or find it running; return when it is ready."""

    def stop(self) -> None:
        """End its processes; state is kept. Nothing happens where nothing runs."""

    def delete(self) -> None:
        """Leave no trace of it on this machine."""

    def connection(self) -> Connection:
        """How to reach it.

        :raises LabError: there is no cluster, or it does not run.
        """

    def load_images(self, images: Mapping[str, Path]) -> None:
        """Put images, OCI archives by their references, where the cluster finds them.

        Those that are there already are left as they are.
        """

    def remove_images(self, references: Sequence[str]) -> None:
        """Take images away from there; one that is not there is fine."""

    def status(self) -> Status:
        """What there is of it, found out within a second."""

    def collect_logs(self, folder: Path) -> None:
        """Write into a folder what helps to find out why it does not work."""
