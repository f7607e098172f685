"""Services of type LoadBalancer: addresses that work outside the cluster, on this machine"""

from __future__ import annotations

import socket
from ipaddress import ip_address, ip_network

import httpx
import pytest

from lab_helpers import Lab, components
from lab_helpers._exec import run
from lab_helpers.cluster import provider

from .support import post, serve


@pytest.fixture(scope="module", autouse=True)
def _metallb() -> None:
    components.enable(provider(), "metallb")


def expose(lab: Lab, namespace: str, name: str) -> str:
    """Give the pods of `web` a Service with an address, and return it."""
    lab.kubectl("expose", "deployment/web", f"--name={name}", "--type=LoadBalancer", "--port=80",
                "--target-port=9898", "--namespace", namespace)  # fmt: skip
    lab.wait_until(
        "an address", lambda: lab.external_address(name, namespace=namespace), timeout=20
    )
    return lab.external_address(name, namespace=namespace)


def answers(address: str) -> bool:
    """Whether a new connection is answered; one that there is outlives its Service."""
    try:
        return httpx.get(f"http://{address}/healthz", timeout=2, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def test_each_service_gets_an_address_that_this_machine_reaches(lab: Lab, namespace: str) -> None:
    routes = run(["ip", "route"])
    serve(lab, namespace)
    first, second = (expose(lab, namespace, name) for name in ("first", "second"))
    pool = ip_network(lab.connection.pool)
    assert {ip_address(first) in pool, ip_address(second) in pool, first != second} == {True}
    for address in (first, second):
        lab.wait_until(f"{address} to answer", lambda at=address: answers(at), timeout=20)
    page = f"front-{namespace}"
    serve(lab, namespace, "front", backend=f"http://{first}/echo", page=page)
    assert post(lab, page, "/echo", "hello") == ["hello"], "a pod reaches it, too"
    lab.delete("service", "first", namespace=namespace)
    lab.wait_until("the address to lead nowhere", lambda: not answers(first), timeout=20)
    assert answers(second)
    assert run(["ip", "route"]) == routes, "no route was needed"


def test_what_has_no_service_leads_nowhere(lab: Lab) -> None:
    """Least of all to what the node serves on all its addresses."""
    unused = str(ip_network(lab.connection.pool)[-2])
    for port in (16443, 10250, lab.connection.ingress_port, 32000):
        with pytest.raises(OSError), socket.create_connection((unused, port), timeout=1):  # noqa: PT011
            pass
