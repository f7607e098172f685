"""Calls of functions while their pods come, go and die: through OpenFaaS's gateway"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from lab_helpers import Lab
from lab_helpers.load import CLIENTS, Load, hammer

from .functions_api import Api, openfaas, push_probe

NAME = "probe"
ENOUGH = 500


@pytest.fixture(scope="module")
def api(lab: Lab) -> Iterator[Api]:
    with openfaas(lab) as made:
        yield made


@pytest.fixture(scope="module")
def image(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> str:
    return push_probe(lab, tmp_path_factory.mktemp("functions"))


@pytest.fixture(scope="module")
def probe(api: Api, image: str) -> str:
    api.deploy(NAME, image, envVars={"version": "0"})
    return NAME


def while_called(api: Api, name: str, change: Callable[[], None], path: str = "") -> Load:
    """What becomes of many callers' calls while something is changed, and a little longer."""
    load, changed = Load(), False
    with ThreadPoolExecutor() as pool:
        changing = pool.submit(change)
        while not changed or load.sent < ENOUGH:
            changed = changing.done()
            part = hammer(api.lab.http, api.url(name, path), seconds=1, method="POST", content=b"x")
            load._add(part)
            load.seconds += part.seconds
        changing.result()
    print(load.text())
    return load


def test_a_call_arrives_as_it_was_made(api: Api, probe: str) -> None:
    answer = api.call(probe, "/a/b?c=1&d=e%20f", "PUT", content=b"\0\xff", headers={"X-Own": "g"})
    said = answer.json()
    assert (said["method"], said["path"], said["bytes"]) == ("PUT", "/a/b", 2)
    assert said["query"] == "c=1&d=e+f"
    assert said["headers"]["x-own"] == "g"
    assert said["headers"]["x-forwarded-host"].startswith("gateway.")
    assert answer.headers["x-call-id"]
    assert "x-openfaas-internal" not in answer.headers


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
def test_functions_are_called_with_any_usual_method(api: Api, probe: str, method: str) -> None:
    assert api.call(probe, method=method).status_code == httpx.codes.OK


def test_a_rolling_update_loses_no_call(api: Api, image: str, probe: str) -> None:
    def update() -> None:
        for version in ("1", "2"):
            api.deploy(probe, image, method="PUT", envVars={"version": version})

    load = while_called(api, probe, update)
    assert load.sent >= ENOUGH
    assert load.lost == 0
    assert api.call(probe).json()["environment"]["version"] == "2"


def test_scaling_to_five_and_back_loses_no_call(api: Api, probe: str) -> None:
    def scale() -> None:
        for replicas in (5, 1):
            api.scale(probe, replicas)

    load = while_called(api, probe, scale)
    assert load.sent >= ENOUGH
    assert load.lost == 0


def test_calls_that_take_long_are_finished(api: Api, image: str, probe: str) -> None:
    """They begin on a pod that ends before they do."""
    with ThreadPoolExecutor() as pool:
        slow = [pool.submit(api.call, probe, "?sleep=5") for _ in range(4)]
        time.sleep(1)
        api.deploy(probe, image, method="PUT", envVars={"version": "3"})
        assert [each.result().status_code for each in slow] == [200] * 4


def test_calls_go_to_all_pods(api: Api, probe: str) -> None:
    api.scale(probe, 3)

    def answering() -> bool:
        counted = {api.call(probe).json()["pod"] for _ in range(30)}
        ready = api.lab.ready_pods(api.namespace, f"faas_function={probe}")
        return len(ready) > 1 and counted == set(ready)

    # An alert about the tests before may add a pod, or take some away, while it is looked.
    api.lab.wait_until("all pods to answer", answering)
    api.scale(probe, 1)


def test_of_a_killed_pods_calls_only_those_under_way_are_lost(api: Api, probe: str) -> None:
    api.scale(probe, 2)

    def kill() -> None:
        time.sleep(2)
        victim = api.lab.ready_pods(api.namespace, f"faas_function={probe}")[0]
        api.lab.kubectl("delete", "pod", victim, "--force", "--grace-period=0", "-n", api.namespace)

    load = while_called(api, probe, kill, "?sleep=0.1")
    assert set(load.statuses) <= {200, 502, 503}
    assert not load.errors
    assert load.lost <= CLIENTS, "they have no more calls under way"
    api.lab.wait_until("another pod", lambda: api.complete(probe))
    api.scale(probe, 1)


def test_a_process_that_dies_takes_its_own_calls_along(api: Api, probe: str) -> None:
    load = while_called(api, probe, lambda: _end(api, probe))
    assert set(load.statuses) <= {200, 502, 503}
    # Of each caller the one under way, and one that came while the kernel took the port down.
    assert load.lost <= 2 * CLIENTS
    api.lab.wait_until("the pod to be back", lambda: api.complete(probe))


def _end(api: Api, probe: str) -> None:
    time.sleep(2)
    assert api.call(probe, "?exit=3").status_code in {502, 503}


def test_a_call_starts_a_function_that_has_no_pods(api: Api, image: str) -> None:
    """A function of its own: an alert about the tests before would start pods of theirs."""
    asked = {"service": "sleeper", "image": image, "namespace": api.namespace,
             "labels": {"com.openfaas.scale.min": "0"}}  # fmt: skip
    api.done("POST", "functions", asked)
    assert "replicas" not in api.status("sleeper")
    began = time.monotonic()
    answer = api.call("sleeper")
    seconds = time.monotonic() - began
    print(f"from zero in {seconds:.2f} s")
    assert answer.status_code == httpx.codes.OK
    assert seconds < 10
    assert api.status("sleeper")["replicas"] == 1
    api.done("DELETE", "functions", {"functionName": "sleeper"})


def test_no_more_pods_than_a_function_may_have(api: Api, image: str) -> None:
    labels = {"com.openfaas.scale.max": "2"}
    api.deploy("modest", image, labels=labels)
    api.done("POST", "scale-function/modest", {"serviceName": "modest", "replicas": 4})
    assert api.status("modest")["replicas"] == 2
    api.done("DELETE", "functions", {"functionName": "modest"})


def test_a_function_that_is_too_slow_is_given_up(api: Api, image: str) -> None:
    api.deploy("slow", image, envVars={"exec_timeout": "1s"})
    answer = api.call("slow", "?sleep=3")
    assert answer.status_code == httpx.codes.GATEWAY_TIMEOUT
    assert answer.json()["error"]
    api.done("DELETE", "functions", {"functionName": "slow"})


def test_uploads_that_are_too_long_are_refused_and_do_no_harm(
    api: Api, probe: str, tmp_path: Path
) -> None:
    upload = tmp_path / "upload"
    with upload.open("wb") as file:
        file.truncate(200 << 20)
    with upload.open("rb") as file:
        answer = api.call(probe, content=file)
    assert answer.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE
    assert api.call(probe).status_code == httpx.codes.OK
