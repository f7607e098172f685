"""lab_helpers._lab, on a cluster that answers as it is told"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab_helpers import CommandError, Lab, LabError, WaitTimeout, _manifests
from lab_helpers._config import ROOT, settings
from lab_helpers._reader import Object
from lab_helpers.cluster import Connection

MISSING = CommandError(["kubectl"], 1, 'deployments.apps "web" not found')


CONNECTION = Connection(
    "embedded", Path(), "localhost", 8080, "localhost:32000", "localhost:32001", Path()
)


class Answering(Lab):
    """A lab whose cluster gives these answers one after the other, and notes what it was told."""

    def __init__(self, *answers: object) -> None:
        super().__init__(CONNECTION)
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

    def get(self, kind: str, name: str = "", *, namespace: str = "", selector: str = "") -> Object:
        found: Object = json.loads(self.kubectl("read", kind, name, namespace, selector))
        return found


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
    assert lab.told == ["read deployment web n "] * 3


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
        (lambda lab: lab.delete("namespace", "n"),
         "delete namespace n --ignore-not-found --wait=true"),
        (lambda lab: lab.delete("pod", "a", namespace="n", wait=False),
         "delete pod a --namespace n --ignore-not-found --wait=false"),
        (lambda lab: lab.logs("pod/a", namespace="n", lines=5),
         "logs pod/a --namespace n --tail=5"),
    ],
)  # fmt: skip
def test_what_kubectl_is_told(call: Any, told: str) -> None:
    lab = Answering("{}")
    call(lab)
    assert lab.told == [told]


def test_a_cluster_that_was_removed_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file") as gone:
        Lab(replace(CONNECTION, kubeconfig=tmp_path / "kubeconfig")).get("pods")
    assert gone.value.remedy == "./lab up"


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


@pytest.mark.parametrize(
    ("learner", "domain", "port", "address"),
    [
        ("", "localhost", 8080, "http://hello.localhost:8080/x"),
        ("ann", "localhost", 8080, "http://ann-hello.localhost:8080/x"),
        ("", "example.org", 80, "http://hello.example.org/x"),
        ("ann", "example.org", 80, "http://ann-hello.example.org/x"),
    ],
)
def test_the_address_of_a_page(learner: str, domain: str, port: int, address: str) -> None:
    connection = replace(CONNECTION, domain=domain, ingress_port=port)
    assert Lab(connection, learner=learner).url("hello", "/x") == address


def test_what_learners_must_not_share_has_their_prefix() -> None:
    assert Lab(CONNECTION).name("first-steps") == "first-steps"
    assert Lab(CONNECTION, learner="ann").name("first-steps") == "ann-first-steps"


def test_the_environment_says_who_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_LEARNER", "ann")
    settings.cache_clear()
    assert Lab(CONNECTION).name("first-steps") == "ann-first-steps"


def test_manifests_are_found_relative_to_the_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell would take a blank in the clone's path for an end of it."""
    monkeypatch.chdir(ROOT / "notebooks")
    found = Lab(CONNECTION).manifests("01-install-the-cluster")
    assert found == Path("../manifests/chapters/01-install-the-cluster")


def test_a_learners_manifests_say_so_and_are_what_is_applied(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    here = replace(settings(), build=tmp_path / "build")
    monkeypatch.setattr(_manifests, "settings", lambda: here)
    lab = Answering("")
    lab.learner = "ann"
    folder = lab.manifests("01-install-the-cluster").resolve()
    assert folder == tmp_path / "build/manifests/ann/01-install-the-cluster"
    assert "name: ann-first-steps" in (folder / "namespace.yaml").read_text()
    lab.apply("chapters/01-install-the-cluster/namespace.yaml")
    assert lab.told == [f"apply --server-side --filename {folder / 'namespace.yaml'}"]
