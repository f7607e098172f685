"""Any process of the node may be killed: it comes back, and visitors of a page notice nothing."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from secrets import token_hex

import pytest

from lab_helpers import Lab
from lab_helpers.cluster.embedded.services import SEVEN

from ..integration.support import apply, post, serve, show
from .conftest import Say
from .own import OwnCluster, Visitor, until

NAMESPACE = "visited"


@dataclass(frozen=True)
class Page:
    """A page of two pods on a cluster.

    :ivar address: where it is.
    """

    cluster: OwnCluster
    lab: Lab
    address: str


@pytest.fixture(scope="module")
def page(_faults: OwnCluster) -> Iterator[Page]:
    _faults.command("up")
    lab = _faults.connect()
    lab.push_image("podinfo")
    lab.kubectl("create", "namespace", NAMESPACE)
    serve(lab, NAMESPACE, replicas=2, page=NAMESPACE)
    yield Page(_faults, lab, lab.url(NAMESPACE, "/version"))
    lab.kubectl("delete", "namespace", NAMESPACE, "--wait=false")
    lab.http.close()


@pytest.mark.parametrize("name", SEVEN)
def test_a_killed_process_comes_back_and_pages_answer_meanwhile(
    name: str, page: Page, say: Say
) -> None:
    visitor = Visitor(page.address)
    restarts = {each: page.lab.restarts(each) for each in (NAMESPACE, "kube-system", "ingress")}
    with visitor.coming():
        before = page.cluster.process(name)
        os.kill(before, signal.SIGKILL)
        until(f"{name} to come back", lambda: page.cluster.process(name) != before, timeout=20)
        until(
            "the API to be ready", lambda: page.lab.kubectl("get", "--raw", "/readyz"), timeout=40
        )
        new = f"after-{token_hex(3)}"
        until("the API to take a Deployment", lambda: deploy(page.lab, new), timeout=20)
        page.lab.wait(f"deployment/{new}", namespace=NAMESPACE, timeout=60)
        page.lab.wait_for_page(new, "/healthz")
        # The new pod calls the first ones: name, Service and route of a new workload work.
        (answer,) = post(page.lab, new, "/echo", "hello")
        # On a busy machine the visitor, too, takes its time.
        until("some visits", lambda: visitor.answers > 10, timeout=60)
    say(f"{name} killed: {visitor.answers} visits, {len(visitor.failures)} failed")
    assert answer == "hello"
    assert visitor.failures == []
    assert {each: page.lab.restarts(each) for each in restarts} == restarts


def ready(lab: Lab) -> bool:
    return lab.kubectl("get", "--raw", "/readyz") == "ok"


def deploy(lab: Lab, name: str) -> bool:
    apply(lab, NAMESPACE, "web", name=name, replicas=1, backend="http://web/echo")
    show(lab, NAMESPACE, name, service=name)
    return True
