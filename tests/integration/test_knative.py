"""Knative Serving: cold starts, revisions, split traffic; no request is lost."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from statistics import median
from threading import Event
from typing import Any

import httpx
import pytest

from lab_helpers import Lab, _http, _yaml

from .made_up import KNATIVE
from .support import apply, command, post, serve

CALLERS = 4


@pytest.fixture(scope="module", autouse=True)
def _knative(lab: Lab) -> None:  # noqa: ARG001 - the cluster must be there
    command("enable", KNATIVE, timeout=200)


def deploy(
    lab: Lab, namespace: str, *, name: str = "page", message: str = "one", min_scale: int = 0
) -> str:
    """Run podinfo as a Knative Service, wait until it answers, and return its address."""
    apply(lab, namespace, "knative-service", name=name, message=message, min_scale=min_scale)
    return lab.wait_for_service(name, namespace=namespace)


def pods(lab: Lab, namespace: str) -> list[str]:
    return [each["metadata"]["name"] for each in lab.pods(namespace)]


def to_zero(lab: Lab, namespace: str) -> None:
    lab.wait_until("no pods", lambda: not pods(lab, namespace), timeout=90)


def said(lab: Lab, address: str) -> str:
    answer = lab.http.get(f"{address}api/info", timeout=30)
    answer.raise_for_status()
    message: str = answer.json()["message"]
    return message


class Callers:
    """Some who call all the time, while the block runs.

    :ivar answers: how often each status came, or what came instead of an answer.
    """

    def __init__(self, address: str) -> None:
        self.answers: Counter[str] = Counter()
        self._address = address
        self._end = Event()
        self._pool = ThreadPoolExecutor(CALLERS)

    def _call(self) -> Counter[str]:
        counted: Counter[str] = Counter()
        with _http.client(timeout=30) as client:
            while not self._end.wait(0.01):
                try:
                    counted[str(client.get(self._address).status_code)] += 1
                except httpx.HTTPError as failed:
                    counted[repr(failed)] += 1
        return counted

    def __enter__(self) -> Callers:
        self._calling = [self._pool.submit(self._call) for _ in range(CALLERS)]
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for each in self._calling:
            self.answers += each.result()
        self._pool.shutdown()


def test_a_service_is_ready_and_answers_at_its_own_address(lab: Lab, namespace: str) -> None:
    began = time.monotonic()
    address = deploy(lab, namespace)
    print(f"ready after {time.monotonic() - began:.1f} s")
    port = lab.connection.ingress_port
    assert address == f"http://page-{namespace}.knative.{lab.connection.domain}:{port}/"
    assert said(lab, address) == "one"


def test_a_service_goes_to_zero_and_a_request_brings_it_back(lab: Lab, namespace: str) -> None:
    address = deploy(lab, namespace)
    to_zero(lab, namespace)
    began = time.monotonic()
    assert said(lab, address) == "one"
    cold = time.monotonic() - began
    warm = median(timed(lab, address) for _ in range(20))
    print(f"cold start {cold:.2f} s, warm {warm * 1000:.1f} ms")
    assert cold < 15
    assert pods(lab, namespace)


def timed(lab: Lab, address: str) -> float:
    began = time.monotonic()
    lab.http.get(address).raise_for_status()
    return time.monotonic() - began


def test_no_request_is_lost_while_pods_go_and_come_back(lab: Lab, namespace: str) -> None:
    """Requests that come a little more rarely than pods end: now before, now after, now between."""
    address = deploy(lab, namespace)
    with _http.client(timeout=30) as client:
        for _ in range(2):
            lab.wait_until("pods that end", partial(ending, lab, namespace), timeout=60)
            for _ in range(100):
                assert client.get(address).status_code == httpx.codes.OK
            assert pods(lab, namespace)


def ending(lab: Lab, namespace: str) -> bool:
    found = lab.pods(namespace)
    return not found or any("deletionTimestamp" in pod["metadata"] for pod in found)


def test_a_new_revision_under_load_loses_no_request(lab: Lab, namespace: str) -> None:
    address = deploy(lab, namespace, min_scale=1)
    with Callers(address) as callers:
        for message in ("two", "three"):
            deploy(lab, namespace, message=message, min_scale=1)
            lab.wait_until(f"{message} to answer", partial(answers, lab, address, message))
    print(dict(callers.answers))
    assert set(callers.answers) == {"200"}
    assert callers.answers.total() > 100


def answers(lab: Lab, address: str, message: str) -> bool:
    return said(lab, address) == message


def test_traffic_is_split_as_asked(lab: Lab, namespace: str) -> None:
    address = deploy(lab, namespace, min_scale=1)
    deploy(lab, namespace, message="two", min_scale=1)
    traffic = [
        {"revisionName": "page-00001", "percent": 80},
        {"revisionName": "page-00002", "percent": 20, "tag": "new"},
    ]
    change(lab, namespace, traffic=traffic)
    lab.wait("ksvc/page", "Ready", namespace=namespace)
    both = {"one", "two"}
    lab.wait_until("both to answer", lambda: {said(lab, address) for _ in range(40)} == both)
    with ThreadPoolExecutor(CALLERS) as pool:
        counted = Counter(pool.map(lambda _: said(lab, address), range(1000)))
    print(dict(counted))
    assert counted.total() == 1000
    assert abs(counted["two"] - 200) <= 30
    tagged = address.replace("//page-", "//new-page-")
    lab.wait_until("the tag's own address", lambda: said(lab, tagged) == "two")


def change(lab: Lab, namespace: str, **spec: Any) -> None:
    lab.kubectl("patch", "ksvc", "page", "--namespace", namespace, "--type=merge",
                "--patch", _yaml.dump({"spec": spec}))  # fmt: skip


def test_a_pod_calls_a_service_by_its_address_inside_the_cluster(lab: Lab, namespace: str) -> None:
    address = deploy(lab, namespace, min_scale=1)
    inside = f"http://page.{namespace}.svc.cluster.local/env"
    for caller, address_seen in (("inside", inside), ("outside", f"{address}env")):
        page = f"{namespace}-{caller}"
        serve(lab, namespace, caller, backend=address_seen, page=page)
        lab.wait_until("an answer of the service", partial(passes_on, lab, page))


def passes_on(lab: Lab, page: str) -> bool:
    return "K_REVISION=page-00001" in str(post(lab, page, "/echo"))


def test_services_of_one_name_in_two_namespaces_do_not_mix(
    lab: Lab, namespace: str, second_namespace: str
) -> None:
    first = deploy(lab, namespace, message="first", min_scale=1)
    second = deploy(lab, second_namespace, message="second", min_scale=1)
    assert first != second
    for _ in range(20):
        assert (said(lab, first), said(lab, second)) == ("first", "second")


@pytest.fixture
def second_namespace(lab: Lab, namespace: str, _namespaces: list[str]) -> Iterator[str]:
    name = f"{namespace}-b"
    lab.kubectl("create", "namespace", name)
    _namespaces.append(name)
    yield name
    lab.kubectl("delete", "namespace", name, "--wait=false")


def test_a_revision_whose_image_is_not_there_says_so_and_harms_nobody(
    lab: Lab, namespace: str
) -> None:
    address = deploy(lab, namespace, min_scale=1)
    template = lab.get("ksvc", "page", namespace=namespace)["spec"]["template"]
    template["spec"]["containers"][0]["image"] = "localhost:32000/lab/podinfo:none"
    template["metadata"]["annotations"]["serving.knative.dev/progress-deadline"] = "10s"
    change(lab, namespace, template=template)
    lab.wait_until("the revision to fail", partial(failed, lab, namespace), timeout=120)
    assert said(lab, address) == "one"


def failed(lab: Lab, namespace: str) -> bool:
    found = lab.get("ksvc", "page", namespace=namespace)["status"]["conditions"]
    return any(each["status"] == "False" and "podinfo:none" in str(each) for each in found)
