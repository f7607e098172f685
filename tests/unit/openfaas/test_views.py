"""lab_helpers.openfaas: what is shown of functions, and how they are addressed"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import httpx
import pytest

from lab_helpers import Lab, UsageError
from lab_helpers.cluster import Connection
from lab_helpers.openfaas.gateway import Gateway, LogLine
from lab_helpers.openfaas.views import Description, Functions, Logs
from lab_helpers.openfaas.watching import _moment, _told
from lab_helpers.openfaas.workflow import OpenFaaS

CONNECTION = Connection(
    "embedded", Path(), "localhost", 8080, "localhost:32000", "localhost:32001", Path()
)


def openfaas(learner: str = "", chapter: str = "") -> OpenFaaS:
    """OpenFaaS whose cluster is never asked."""
    lab = Lab(CONNECTION, learner=learner, chapter=chapter)
    gateway = Gateway(httpx.Client(), "http://gateway.localhost:8080", "admin", "")
    return OpenFaaS(lab, gateway)


FOUND: list[dict[str, Any]] = [
    {"name": "hello", "image": "r/hello:1", "invocationCount": 12.0, "replicas": 2,
     "availableReplicas": 1},
    {"name": "greet", "image": "r/<greet>:1"},
]  # fmt: skip


def test_functions_are_listed_by_name() -> None:
    listed = Functions.of(FOUND)
    assert listed.names == ("greet", "hello")
    assert repr(listed).splitlines() == [
        "function  calls  replicas  available  image",
        "greet     0      0         0          r/<greet>:1",
        "hello     12     2         1          r/hello:1",
    ]
    assert "<td>r/&lt;greet&gt;:1</td>" in listed._repr_html_()


def test_no_functions_are_said_to_be_none() -> None:
    assert repr(Functions.of([])) == "no function is deployed"
    assert Functions.of([])._repr_html_() == "<p>no function is deployed</p>"


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ({"replicas": 1, "availableReplicas": 1}, "ready"),
        ({"replicas": 1}, "not ready"),
        ({}, "at zero"),
    ],
)
def test_a_description_says_what_matters(status: dict[str, Any], state: str) -> None:
    said = {"name": "greet", "image": "i", "labels": {"b": "2", "a": "1"}, **status}
    text = repr(Description(said, "http://u", "http://a", "its image cannot be pulled"))
    assert f"state      {state}" in text
    assert "trouble    its image cannot be pulled" in text
    assert "labels     a=1, b=2" in text
    assert "secrets" not in text


@pytest.mark.parametrize("stamp", ["2026-03-01T10:20:30.123456789Z", "2026-03-01T10:20:30Z"])
def test_a_line_of_a_log_is_read_as_the_gateway_sends_it(stamp: str) -> None:
    line = LogLine.read(
        f'{{"name":"greet","namespace":"n","instance":"greet-1","timestamp":"{stamp}",'
        '"text":"hi\\n"}'
    )
    assert line.at.replace(microsecond=0) == datetime(2026, 3, 1, 10, 20, 30, tzinfo=UTC)
    assert repr(Logs([line, line])) == "10:20:30 (greet-1) hi\n10:20:30 (greet-1) hi"


def test_a_moment_is_told_in_universal_time() -> None:
    assert _told(_moment(None)) == ""
    east = timezone(timedelta(hours=2))
    assert _told(datetime(2026, 3, 1, 12, 0, tzinfo=east)) == "2026-03-01T10:00:00.000Z"
    back = _moment(60)
    assert back is not None
    assert abs(datetime.now(UTC) - back - timedelta(seconds=60)) < timedelta(seconds=5)


@pytest.mark.parametrize(
    ("learner", "path", "address"),
    [
        ("", "", "http://gateway.localhost:8080/function/greet"),
        ("", "/a/b", "http://gateway.localhost:8080/function/greet/a/b"),
        ("ann", "a", "http://gateway.localhost:8080/function/greet.ann-openfaas-fn/a"),
    ],
)
def test_learners_share_the_gateway_and_not_the_functions(
    learner: str, path: str, address: str
) -> None:
    assert openfaas(learner).url("greet", path) == address


@pytest.mark.parametrize("replicas", [-1, 6])
def test_more_pods_than_the_edition_allows_are_refused(replicas: int) -> None:
    with pytest.raises(UsageError, match=f"greet cannot have {replicas} pods"):
        openfaas().scale("greet", replicas)


def test_a_lab_of_no_chapter_has_nothing_to_clean_up() -> None:
    with pytest.raises(UsageError, match="of no chapter"):
        openfaas().clean_up()


def test_a_callback_is_an_address_as_pods_reach_it() -> None:
    def given(faas: OpenFaaS, callback: str) -> str:
        return faas._with({"A": "b"}, callback).get("X-Callback-Url", "")

    assert given(openfaas(), "") == ""
    assert given(openfaas(), "other") == "http://gateway.openfaas:8080/function/other"
    assert given(openfaas("ann"), "other").endswith("/function/other.ann-openfaas-fn")
    assert given(openfaas(), "http://sink/x") == "http://sink/x"
