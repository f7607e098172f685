"""What a provider of clusters must do, whoever makes the cluster."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Connection:
    """How to reach a cluster.

    :ivar provider: ``embedded``, ``microk8s`` or ``kubeconfig``.
    :ivar kubeconfig: a file with one context.
    :ivar domain: pages are served at ``NAME.domain``.
    :ivar ingress_port: the loopback port of those pages, the same inside the cluster.
    :ivar registry_port: the loopback port of the registry.
    :ivar kubectl: the client that fits the cluster's version.
    """

    provider: str
    kubeconfig: Path
    domain: str
    ingress_port: int
    registry_port: int
    kubectl: Path


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

    def load_image(self, archive: Path) -> None:
        """Put an OCI archive's images where the cluster finds them without a registry."""

    def status(self) -> Status:
        """What there is of it, found out within a second."""

    def collect_logs(self, folder: Path) -> None:
        """Write into a folder what helps to find out why it does not work."""
