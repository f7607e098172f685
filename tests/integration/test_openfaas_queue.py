"""Asynchronous calls, with the queue worker and the queue itself killed while they are made"""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import httpx
import pytest

from lab_helpers import Lab

from .functions_api import Api, openfaas, push_probe

CALLS = 1_000
LEDGER = Path(__file__).parent / "objects" / "ledger.py"
WORKER, CALLBACK = "worker", "callback"


@pytest.fixture(scope="module")
def api(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A function that is called, and one that gets the answers; each prints what it gets."""
    image = push_probe(lab, tmp_path_factory.mktemp("functions"), LEDGER)
    with openfaas(lab) as made:
        for name in (WORKER, CALLBACK):
            # One pod, whatever the alerts say: what they got is read from one log.
            made.deploy(name, image, labels={"com.openfaas.scale.max": "1"})
        yield made


def queue(api: Api, number: int) -> None:
    """Have a call made later; it is answered that it was taken."""
    inside = f"http://gateway.openfaas:8080/function/{CALLBACK}.{api.namespace}"
    answer = api.lab.http.post(
        f"{api.address}/async-function/{WORKER}.{api.namespace}",
        content=f"call-{number}", headers={"X-Callback-Url": inside}, timeout=30,
    )  # fmt: skip
    assert answer.status_code == httpx.codes.ACCEPTED, answer.text
    assert answer.headers["x-call-id"]


def numbers(api: Api, name: str) -> set[int]:
    """The calls that a function was called with, by its log."""
    log = api.lab.logs(f"deployment/{name}", namespace=api.namespace, lines=20 * CALLS)
    return {int(found) for found in re.findall(r"^call-(\d+)", log, re.MULTILINE)}


def called_for_each(api: Api, name: str, every: set[int]) -> bool:
    return every <= numbers(api, name)


def kill(lab: Lab, app: str) -> None:
    """End a pod at once, as a node that fails would."""
    (pod,) = lab.ready_pods("openfaas", f"app={app}")
    lab.kubectl("delete", "pod", pod, "-n", "openfaas", "--grace-period=0", "--force")


@pytest.mark.timeout(400)
def test_every_call_is_made_though_the_worker_is_killed(api: Api, lab: Lab) -> None:
    every = set(range(CALLS))
    with ThreadPoolExecutor(8) as pool:
        # While they are queued: a worker may be quicker than those who give it work.
        queued = [pool.submit(queue, api, number) for number in every]
        lab.wait_until("calls to be made", lambda: len(numbers(api, WORKER)) > CALLS / 10)
        kill(lab, "queue-worker")
        done = len(numbers(api, WORKER))
        for each in queued:
            each.result()
    assert done < CALLS, "it was killed in the midst of its work"
    for name in (WORKER, CALLBACK):
        what = f"{name} to be called for each of {CALLS} calls"
        lab.wait_until(what, partial(called_for_each, api, name, every), timeout=180)
    print(f"killed after {done} of {CALLS} calls")


def test_what_was_accepted_outlives_the_queue(api: Api, lab: Lab) -> None:
    first, later = 10_000, 10_001
    lab.kubectl("scale", "deployment/queue-worker", "--replicas=0", "-n", "openfaas")
    try:
        lab.wait_until("no worker", lambda: not lab.pods("openfaas", "app=queue-worker"))
        queue(api, first)
        kill(lab, "nats")
        lab.wait("deployment/nats", namespace="openfaas")
    finally:
        lab.kubectl("scale", "deployment/queue-worker", "--replicas=1", "-n", "openfaas")
    lab.wait_until("the call to be made", lambda: first in numbers(api, WORKER), timeout=90)

    def taken_again() -> bool:
        try:
            queue(api, later)
        except (AssertionError, httpx.HTTPError):
            return False
        return True

    lab.wait_until("the gateway to reach the queue again", taken_again, timeout=90)
    lab.wait_until("its call to be made", lambda: later in numbers(api, CALLBACK), timeout=60)


def test_the_callback_says_whose_answer_it_is(api: Api) -> None:
    queue(api, 20_000)
    api.lab.wait_until("the callback", lambda: 20_000 in numbers(api, CALLBACK))
    log = api.lab.logs(f"deployment/{CALLBACK}", namespace=api.namespace, lines=50)
    assert f"call-20000 {WORKER}.{api.namespace}" in log
