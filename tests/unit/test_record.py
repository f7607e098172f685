"""lab_helpers.record, with an API that answers as it is told; tests/integration has a real one."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kubernetes import client
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import MaxRetryError

from lab_helpers import Check, CommandError, Lab, record
from lab_helpers.cluster import Connection

CLAIMS = st.text(max_size=200) | st.text("aB1 -_é.", max_size=12)
CONNECTION = Connection("embedded", Path("/k"), "localhost", 80, "r", "r", Path("/kubectl"))
LAB = cast(Lab, SimpleNamespace(api=None, name=lambda name: f"ann-{name}"))


def test_a_claim_can_be_read_in_its_name() -> None:
    assert record.key("01", "one pod is ready") == "01.one-pod-is-ready"
    assert record.exercise_key("01/scale") == "01.exercise-scale"


@given(CLAIMS)
def test_every_claim_has_a_name_that_a_config_map_takes(claim: str) -> None:
    assert re.fullmatch(r"[-._a-zA-Z0-9]{1,253}", record.key("01", claim))


@given(CLAIMS, CLAIMS)
def test_two_claims_have_two_names(one: str, other: str) -> None:
    assert (record.key("01", one) == record.key("01", other)) == (one == other)


class Api:
    """The part of the API that the record uses; ``fails`` are the answers it begins with."""

    def __init__(self, *fails: Exception) -> None:
        self.fails = list(fails)
        self.patched: list[tuple[str, str, Any]] = []
        self.created: list[str] = []

    def patch_namespaced_config_map(self, name: str, namespace: str, body: Any, **_: Any) -> None:
        if self.fails:
            raise self.fails.pop(0)
        self.patched.append((name, namespace, body))

    def create_namespaced_config_map(self, _: str, body: Any) -> None:
        self.created.append(body.metadata.name)


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Any:
    def use(api: Api) -> Api:
        monkeypatch.setattr(client, "CoreV1Api", lambda _: api)
        return api

    return use


def test_a_passed_check_is_kept_with_what_it_saw(use: Any) -> None:
    api = use(Api())
    record.keep(LAB, "01.x", Check("x", True, "a pod"))
    ((name, namespace, body),) = api.patched
    assert (name, namespace) == ("ann-progress", "lab-course")
    entry = json.loads(body["data"]["01.x"])
    assert (entry["claim"], entry["seen"]) == ("x", "a pod")
    assert datetime.fromisoformat(entry["at"]).utcoffset() == timedelta(0)
    assert list(body["data"]) == ["01.x"], "what else is there is not touched"


def test_what_was_seen_is_cut(use: Any) -> None:
    api = use(Api())
    record.keep(LAB, "01.x", Check("x", True, "y" * 9999))
    seen = json.loads(api.patched[0][2]["data"]["01.x"])["seen"]
    assert len(seen) == record.SEEN
    assert seen.endswith("…")


def test_the_first_check_begins_the_record(use: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    api = use(Api(ApiException(status=404, reason="Not Found")))
    applied: list[str] = []
    monkeypatch.setattr(LAB, "apply", applied.append, raising=False)
    record.keep(LAB, "01.x", Check("x", True))
    assert applied == ["course"]
    assert api.created == ["ann-progress"]
    assert len(api.patched) == 1


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (ApiException(status=403, reason="Forbidden"), "progress: Forbidden)"),
        (MaxRetryError(cast(Any, None), "/", OSError("refused")), "progress: refused)"),
        (OSError("no kubeconfig"), "no kubeconfig"),
        (KeyError(), "KeyError"),
    ],
)
def test_a_check_is_passed_whether_it_is_noted_or_not(
    failure: Exception, reason: str, use: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    use(Api(failure))
    record.keep(LAB, "01.x", Check("x", True))
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("(passed, but not noted in your progress: ")
    assert reason in line


def answering(monkeypatch: pytest.MonkeyPatch, answer: str | Exception) -> list[str]:
    told: list[str] = []

    def kubectl(*arguments: Any, **_: Any) -> str:
        told.append(" ".join(map(str, arguments)))
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(record, "kubectl", kubectl)
    return told


def test_what_was_kept_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    told = answering(monkeypatch, json.dumps({"data": {"01.x": '{"claim": "x"}'}}))
    assert record.read(CONNECTION, learner="ann") == {"01.x": {"claim": "x"}}
    assert "get configmap ann-progress --namespace lab-course" in told[0]


@pytest.mark.parametrize("answer", ["", "{}", '{"data": null}'])
def test_nothing_was_passed_yet(answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, answer)
    assert record.read(CONNECTION) == {}


@pytest.mark.parametrize(
    "answer", [CommandError(["kubectl"], 1, "refused"), '{"data": {"01.x": "{"}}']
)
def test_what_cannot_be_read_is_not_known(
    answer: str | Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, answer)
    assert record.read(CONNECTION) is None
