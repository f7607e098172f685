"""Clusters keep out of each other's way, and out of the way of whoever has a port already."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import httpx

from .own import OwnCluster


def address(cluster: OwnCluster) -> tuple[str, str]:
    """The node's address and that of its pages, which answer."""
    status = cluster.status()
    assert status["state"] == "running"
    pages = status["pages"].replace("NAME.localhost", "127.0.0.1")
    assert httpx.get(pages, trust_env=False).status_code == httpx.codes.NOT_FOUND
    assert httpx.get(f"http://{status['registry']}/v2/", trust_env=False).is_success
    return cluster.node.address, pages


def test_two_clusters_run_at_once(
    faults: OwnCluster, new_cluster: Callable[[str], OwnCluster]
) -> None:
    other = new_cluster("other")
    other.command("up")
    first, second = address(faults), address(other)
    assert first[0] != second[0]
    assert first[1] != second[1]
    contexts = [each.command("kubectl", "config", "current-context") for each in (faults, other)]
    assert contexts == [f"lab-{faults.name}\n", "lab-other\n"]
    assert other.down() == []
    assert other.status()["state"] == "absent"
    assert address(faults) == first


def test_a_taken_port_is_passed_over(new_cluster: Callable[[str], OwnCluster]) -> None:
    cluster = new_cluster("ports")
    cluster.command("up")
    free = cluster.node
    assert cluster.down() == []
    with listening(free.ingress_port), listening(free.registry_port):
        cluster.command("up")
        moved = cluster.node
        # Not the next ones: a cluster of another test may have left some before.
        assert moved.ingress_port != free.ingress_port
        assert moved.registry_port != free.registry_port
        address(cluster)
        cluster.command("stop")
    with listening(moved.ingress_port), listening(moved.registry_port):
        cluster.command("up")
        address(cluster)
        assert cluster.node.ingress_port != moved.ingress_port
        assert cluster.node.registry_port != moved.registry_port


@contextmanager
def listening(port: int) -> Iterator[None]:
    """Somebody has a port on loopback: this process, or a cluster that was quicker."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):
            taken.bind(("127.0.0.1", port))
            taken.listen()
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        yield
