"""lab_helpers.cluster.embedded.preflight"""

from __future__ import annotations

import platform
import socket
from collections.abc import Iterator
from ipaddress import IPv4Network

import pytest

from lab_helpers import LabError, Unsupported
from lab_helpers._files import write
from lab_helpers.cluster.embedded import preflight
from lab_helpers.cluster.embedded.node import Node, folder

LINUX = pytest.mark.skipif(platform.system() != "Linux", reason="asks the kernel of Linux")
EVERYWHERE = [
    (socket.AF_INET, "127.0.0.1"),
    (socket.AF_INET, "0.0.0.0"),  # noqa: S104 - to be found taken
    (socket.AF_INET6, "::"),
]


def listen(family: socket.AddressFamily = socket.AF_INET, host: str = "127.0.0.1") -> socket.socket:
    listener = socket.socket(family)
    # As servers do.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, 0))
    listener.listen()
    return listener


@pytest.fixture
def taken() -> Iterator[int]:
    """A loopback port that somebody listens on."""
    with listen() as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize(("family", "host"), EVERYWHERE, ids=str)
def test_a_port_is_taken_wherever_somebody_listens(family: socket.AddressFamily, host: str) -> None:
    with listen(family, host) as listener:
        port = listener.getsockname()[1]
        assert not preflight.is_free(port)
    assert preflight.is_free(port)


def test_a_port_that_was_just_left_is_free() -> None:
    """Connections of a stopped cluster linger for a minute; they must not move its ports."""
    with listen() as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            accepted, _ = listener.accept()
            accepted.close()
    assert preflight.is_free(port)


def test_the_preferred_port_is_used_where_it_is_free(taken: int) -> None:
    assert preflight.free_port(taken, set()) > taken
    free = preflight.free_port(taken, set())
    assert preflight.free_port(free, set()) == free


def test_a_port_that_another_cluster_has_is_passed_over(taken: int) -> None:
    free = preflight.free_port(taken, set())
    assert preflight.free_port(free, {free}) > free


def test_where_every_port_is_taken_it_says_so() -> None:
    with pytest.raises(LabError, match="from 9000 to 9099") as refused:
        preflight.free_port(9000, set(range(9000, 9100)))
    assert refused.value.remedy


@LINUX
def test_two_clusters_share_no_address_and_no_port() -> None:
    one, two = preflight.allocate("one"), preflight.allocate("two")
    assert one.network != two.network
    ports = [one.ingress_port, one.registry_port, two.ingress_port, two.registry_port]
    assert len(set(ports)) == 4
    assert all(preflight.is_free(port) for port in ports)


@LINUX
def test_a_cluster_keeps_what_it_was_given() -> None:
    assert preflight.allocate("one") == preflight.allocate("one") == Node.load("one")


@LINUX
def test_a_cluster_with_a_broken_record_is_no_hindrance() -> None:
    write(folder("broken") / "node.json", "{")
    assert preflight.allocate("one").name == "one"


@LINUX
def test_a_stopped_clusters_ports_move_only_where_they_were_taken(taken: int) -> None:
    free = preflight.free_port(20000, set())
    kept = preflight.keep_ports(Node("one", 3, taken, free))
    assert kept.ingress_port > taken
    assert kept.registry_port == free
    assert kept == Node.load("one")


@pytest.mark.parametrize(("link", "starts"), [("lab-one", True), ("lab-two", False)])
def test_a_stopped_cluster_whose_network_was_taken_says_who_has_it(
    monkeypatch: pytest.MonkeyPatch, link: str, starts: bool
) -> None:
    routes = [(IPv4Network("10.153.3.0/24"), link), (IPv4Network("10.153.4.0/24"), "lab-three")]
    monkeypatch.setattr(preflight, "_routes", lambda: iter(routes))
    if starts:
        preflight.require_network(Node("one", 3, 0, 0))
        return
    with pytest.raises(LabError, match=r"its network 10\.153\.3\.0/24 is in use") as refused:
        preflight.require_network(Node("one", 3, 0, 0))
    assert refused.value.seen == "routes to lab-two"
    assert "./lab stop" in refused.value.remedy


@LINUX
def test_a_finding_says_what_mends_it_exactly_when_something_is_wrong() -> None:
    found = list(preflight.findings())
    assert found[0].what == "Linux"
    for finding in found:
        assert finding.what
        assert finding.seen
        assert bool(finding.remedy) != finding.ok, finding


def test_on_another_system_nothing_more_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    (finding,) = preflight.findings()
    assert not finding.ok
    assert finding.seen == "Darwin"
    with pytest.raises(Unsupported, match="the embedded cluster needs Linux") as refused:
        preflight.check()
    assert refused.value.remedy == finding.remedy
