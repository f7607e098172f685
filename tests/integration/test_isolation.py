"""The machine is left as it is: no listener beyond loopback, no route, no rule, no open file."""

from __future__ import annotations

import ipaddress
import json
import os
from pathlib import Path

import pytest

from lab_helpers import Lab
from lab_helpers.packages import packages

from ..faults.machine import Cluster, Listener, listeners

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="looks into processes of root")
RANGES = [ipaddress.ip_network(each) for each in ("10.1.0.0/16", "10.152.183.0/24")]


@pytest.fixture(scope="module")
def cluster(lab: Lab) -> Cluster:
    return Cluster(lab.connection.kubeconfig.parent.name)


def test_on_this_machine_the_cluster_listens_on_loopback_only(lab: Lab, cluster: Cluster) -> None:
    connection = lab.connection
    wanted = {
        ("127.0.0.1", connection.ingress_port),
        ("127.0.0.1", int(connection.registry_address.rpartition(":")[2])),
    }
    found = {(each.address, each.port) for each in listeners() if belongs(each, cluster)}
    assert found == wanted


def belongs(listener: Listener, cluster: Cluster) -> bool:
    return any(listener.held_by(pid) for pid in cluster.processes())


def test_the_sandbox_listens_on_its_own_addresses_only(cluster: Cluster) -> None:
    """Whatever address a service binds to: these are all the addresses there are."""
    found = cluster.addresses()
    pods = {address for address in found if ipaddress.ip_address(address) in RANGES[0]}
    assert found - pods == {"127.0.0.1", cluster.node.address}


def test_the_sandbox_has_no_way_out(cluster: Cluster) -> None:
    routes = cluster.routes()
    allowed = [*RANGES, ipaddress.ip_network(f"10.153.{cluster.node.network}.0/24")]
    assert "default" not in routes
    assert [r for r in routes if not any(within(r, net) for net in allowed)] == []


def within(route: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    return ipaddress.ip_network(route).subnet_of(network)  # type: ignore[arg-type]


def test_this_machine_has_no_route_to_pods_or_services() -> None:
    listed = json.loads(packages.run("ip", "-j", "-4", "route", "show", "table", "all"))
    routes = [route["dst"] for route in listed]
    networks = [ipaddress.ip_network(dst, strict=False) for dst in routes if dst != "default"]
    assert [n for n in networks if any(n.overlaps(taken) for taken in RANGES)] == []


def test_this_machine_has_no_firewall_rule_of_the_cluster() -> None:
    ruleset = packages.run("nft", "list", "ruleset")
    assert "kube" not in ruleset
    assert "10.152.183." not in ruleset
    assert "10.1.0.0" not in ruleset


def test_keys_and_credentials_are_for_their_owner_alone(cluster: Cluster) -> None:
    folder = cluster.folder
    secret = [*(folder / "pki").iterdir(), *(folder / "etc").glob("*.kubeconfig")]
    secret.append(folder / "kubeconfig")
    assert len(secret) > 20
    holding = [path for path in secret if path.stat().st_size > 0]
    assert [p.name for p in holding if p.stat().st_mode & 0o777 != 0o600] == []
    for name in ("pki", "etcd", "containerd"):
        assert (folder / name).stat().st_mode & 0o777 == 0o700


def test_other_users_cannot_read_volumes(cluster: Cluster) -> None:
    """Volumes are open to every user, as containers run as any: their parent is not."""
    assert (cluster.folder / "storage").stat().st_mode & 0o077 == 0


def test_containers_see_the_machines_file_systems_read_only(cluster: Cluster) -> None:
    mounts = Path(f"/proc/{cluster.init}/mounts").read_text().splitlines()
    root = next(line.split() for line in mounts if line.split()[1] == "/")
    assert "ro" in root[3].split(",")
