"""lab_helpers._lab, on a cluster that answers as it is told"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab_helpers import CommandError, Lab, LabError, WaitTimeout
from lab_helpers.cluster import Connection

MISSING = CommandError(["kubectl"], 1, 'deployments.apps "web" not found')


class Answering(Lab):
    """A lab whose kubectl gives these answers one after the other, and notes what it was told."""

    def __init__(self, *answers: object) -> None:
        super().__init__(Connection("embedded", Path(), "localhost", 8080, 32000, Path()))
        self.answers: Iterator[object] = iter(answers)
        self.told: list[str] = []

    def kubectl(self, *arguments: Any, **_: Any) -> str:
        self.told.append(" ".join(map(str, arguments)))
        if arguments[:2] == ("get", "events"):
            return "LAST SEEN\n5s Warning FailedScheduling"
        answer = next(self.answers)
        if isinstance(answer, CommandError):
            raise answer
        return answer if isinstance(answer, str) else json.dumps(answer)


def deployment(*, generation: int, observed: int, available: str) -> dict[str, Any]:
    condition = {"type": "Available", "status": available, "message": "of old"}
    return {
        "metadata": {"name": "web", "generation": generation},
        "status": {"observedGeneration": observed, "conditions": [condition]},
    }


def test_a_condition_of_the_specification_before_does_not_count() -> None:
    stale = deployment(generation=2, observed=1, available="True")
    fresh = deployment(generation=2, observed=2, available="True")
    lab = Answering(MISSING, stale, fresh)
    lab.wait("deployment/web", namespace="n", timeout=5)
    assert lab.told == ["get deployment web --namespace n -o json"] * 3


def test_a_condition_that_does_not_come_shows_state_and_events() -> None:
    lab = Answering(deployment(generation=1, observed=1, available="False"))
    with pytest.raises(WaitTimeout) as late:
        lab.wait("deployment/web", namespace="n", timeout=0)
    assert late.value.last == "Available=False of old"
    assert "FailedScheduling" in late.value.events


def test_an_object_without_conditions_is_not_there_yet() -> None:
    with pytest.raises(WaitTimeout, match="no conditions yet"):
        Answering({"metadata": {}}).wait("pod/web", "Ready", namespace="n", timeout=0)


def test_waiting_goes_on_while_kubectl_refuses_and_nothing_is_there() -> None:
    lab = Answering(MISSING, "", "web")
    lab.wait_until("it", lambda: lab.kubectl("get", "x"), timeout=5)
    assert len(lab.told) == 3


def test_waiting_in_vain_says_what_was_seen() -> None:
    with pytest.raises(WaitTimeout) as late:
        Answering().wait_until("three pods", lambda: [], timeout=0)
    assert late.value.what == "waited 0 s for three pods"
    assert late.value.last == "it is []"


def pod(name: str, *, ready: str = "True", restarts: int = 0, **metadata: str) -> dict[str, Any]:
    conditions = {"Initialized": "True", "Ready": ready}
    return {
        "metadata": {"name": name, **metadata},
        "status": {
            "conditions": [{"type": t, "status": s} for t, s in conditions.items()],
            "containerStatuses": [{"restartCount": restarts}],
        },
    }


PODS = {
    "items": [
        pod("b"),
        pod("a", restarts=2),
        pod("going", restarts=7, deletionTimestamp="2026-01-01T00:00:00Z"),
        pod("starting", ready="False", restarts=1),
        {"metadata": {"name": "pending"}, "status": {"phase": "Pending"}},
    ]
}


def test_ready_pods_are_those_that_serve_and_stay() -> None:
    assert Answering(PODS).ready_pods("n", "app=x") == ["a", "b"]


def test_restarts_of_pods_on_their_way_out_do_not_count() -> None:
    assert Answering(PODS).restarts("n") == 3


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda lab: lab.get("pods"), "get pods --selector  --all-namespaces -o json"),
        (lambda lab: lab.get("node", "a"), "get node a -o json"),
        (lambda lab: lab.get("pods", namespace="n", selector="a=b"),
         "get pods --selector a=b --namespace n -o json"),
        (lambda lab: lab.delete("namespace", "n"), "delete namespace n --ignore-not-found --wait"),
        (lambda lab: lab.logs("pod/a", namespace="n", lines=5),
         "logs pod/a --namespace n --tail=5"),
    ],
)  # fmt: skip
def test_what_kubectl_is_told(call: Any, told: str) -> None:
    lab = Answering("{}")
    call(lab)
    assert lab.told == [told]


def test_a_manifest_that_is_not_there_is_an_error_at_once() -> None:
    lab = Answering()
    with pytest.raises(LabError, match="no manifest"):
        lab.apply("chapters/99-none")
    assert lab.told == []


def test_a_folder_is_applied_as_a_kustomization_and_a_file_as_it_is() -> None:
    lab = Answering("", "")
    lab.apply("addons")
    lab.apply("addons/dns/dns.yaml")
    assert "--kustomize" in lab.told[0]
    assert "--filename" in lab.told[1]


def test_events_are_the_newest() -> None:
    assert Answering().events("n", lines=1) == "5s Warning FailedScheduling"
