"""functions/event-display"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from lab_helpers import functions

from .conftest import Server, Start
from .http import Answer, ask, request

WHOLE = "Content-Type: application/cloudevents+json"
ATTRIBUTES = {"specversion": "1.0", "id": "1", "source": "test", "type": "greeting"}
NOISE = bytes(range(256)) * 4096
"""A megabyte that is no UTF-8."""


@pytest.fixture(scope="module")
def running(launch: Start) -> Server:
    return launch(
        functions.find("event-display"), DRAIN_SECONDS="0", MAX_BODY_BYTES="4194304",
        REFUSE_TYPES="poison,toxic",
    )  # fmt: skip


@pytest.fixture
def server(running: Server) -> Server:
    """One that has forgotten all that came before."""
    assert ask(running.port, request("DELETE", "/")).json == {"last": 0}
    return running


def post(server: Server, body: bytes, *headers: str) -> Answer:
    return ask(server.port, request("POST", "/", body, *headers))


def send(server: Server, body: bytes = b"", *more: str, **attributes: str) -> Answer:
    """An event in binary mode, by hand."""
    names = {**ATTRIBUTES, **attributes}
    return post(server, body, *(f"ce-{name}: {value}" for name, value in names.items()), *more)


def whole(server: Server, **event: Any) -> Answer:
    """An event in structured mode, by hand."""
    return post(server, json.dumps({**ATTRIBUTES, **event}).encode(), WHOLE)


def seen(server: Server, query: str = "") -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = ask(server.port, request("GET", f"/{query}")).json["events"]
    return events


def test_it_shows_what_came_and_when(server: Server) -> None:
    before = datetime.now(UTC)
    answer = send(server, b'{"msg": "hi"}', "Content-Type: application/json", subject="Ada")
    after = datetime.now(UTC)
    # Knative takes what is in the body for an event in reply.
    assert (answer.code, answer.body) == (202, b"")
    (event,) = seen(server)
    (arrival,) = event.pop("arrivals")
    assert before <= datetime.fromisoformat(arrival) <= after
    assert event == {
        "number": 1,
        "mode": "binary",
        "attributes": {**ATTRIBUTES, "subject": "Ada", "datacontenttype": "application/json"},
        "size": 13,
        "sha256": sha256(b'{"msg": "hi"}').hexdigest(),
        "text": '{"msg": "hi"}',
        "refusals": [],
    }


@pytest.mark.parametrize("form", [to_binary_event, to_structured_event])
def test_it_reads_what_the_library_writes(server: Server, form: Any) -> None:
    moment = datetime(2026, 11, 28, 12, 30, tzinfo=UTC)
    attributes = {"type": "greeting", "source": "süß %20", "id": "ä", "time": moment, "extra": "ü"}
    message = form(CloudEvent(dict(attributes), NOISE))
    headers = [f"{name}: {value}" for name, value in message.headers.items()]
    assert post(server, message.body, *headers).code == 202
    (event,) = seen(server)
    assert event["sha256"] == sha256(NOISE).hexdigest()
    assert event["attributes"] == {
        **attributes, "specversion": "1.0", "time": "2026-11-28T12:30:00Z",
    }  # fmt: skip
    assert event["mode"] in form.__name__


BODIES = {"nothing": b"", "a megabyte": NOISE, "binary": b"\x00\xff\x00", "no UTF-8": b"a\xc3\x28"}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/octet-stream"])
def test_data_is_kept_unchanged(server: Server, body: bytes, kind: str) -> None:
    assert send(server, body, f"Content-Type: {kind}").code == 202
    answer = ask(server.port, request("GET", "/1/data"))
    assert (answer.code, answer.headers["content-type"]) == (200, kind)
    assert answer.body == body
    encoded = base64.b64encode(body).decode()
    assert whole(server, id="2", datacontenttype=kind, data_base64=encoded).code == 202
    assert ask(server.port, request("GET", "/2/data")).body == body


def test_data_within_json_is_shown(server: Server) -> None:
    for number, data in enumerate(({"a": [1, "ü"]}, "text", 7, None)):
        assert whole(server, id=str(number), data=data).code == 202
    assert [event["text"] for event in seen(server)] == ['{"a": [1, "\\u00fc"]}', "text", "7", ""]


def test_what_comes_again_is_known_by_source_and_id(server: Server) -> None:
    for name in ("1", "2", "1"):
        assert send(server, id=name).code == 202
    assert send(server, source="another").code == 202
    assert whole(server).code == 202
    counts = {(e["attributes"]["source"], e["attributes"]["id"]): len(e["arrivals"])
              for e in seen(server)}  # fmt: skip
    assert counts == {("test", "1"): 3, ("test", "2"): 1, ("another", "1"): 1}


def test_one_asks_for_what_is_newer(server: Server) -> None:
    for name in "abc":
        send(server, id=name)
    assert [event["attributes"]["id"] for event in seen(server, "?after=2")] == ["c"]
    assert seen(server, "?after=3") == []
    assert ask(server.port, request("GET", "/?after=x")).code == 400


def test_it_fails_where_it_is_told_to(server: Server) -> None:
    for _ in range(3):
        answer = send(server, b"x", type="toxic")
        assert (answer.code, "toxic" in answer.error) == (503, True)
    assert send(server, id="2").code == 202
    counts = [(len(event["arrivals"]), len(event["refusals"])) for event in seen(server)]
    assert counts == [(0, 3), (1, 0)]


BROKEN = {
    "nothing at all": (b"", (), "neither"),
    "no id": (b"", ("ce-specversion: 1.0", "ce-source: s", "ce-type: t"), "id missing"),
    "no version": (b"", ("ce-id: 1", "ce-source: s", "ce-type: t"), "specversion missing"),
    "an old version": (
        b"", ("ce-specversion: 0.3", "ce-id: 1", "ce-source: s", "ce-type: t"), "must be '1.0'",
    ),
    "an empty type": (
        b"", ("ce-specversion: 1.0", "ce-id: 1", "ce-source: s", "ce-type:"), "type missing",
    ),
    "two ids": (
        b"",
        ("ce-specversion: 1.0", "ce-id: 1", "ce-id: 2", "ce-source: s", "ce-type: t"),
        "ce-id is there more than once",
    ),
    "no time": (
        b"",
        ("ce-specversion: 1.0", "ce-id: 1", "ce-source: s", "ce-type: t", "ce-time: noon"),
        "cannot be read",
    ),
    "no timezone": (
        b"",
        ("ce-specversion: 1.0", "ce-id: 1", "ce-source: s", "ce-type: t",
         "ce-time: 2026-11-28T10:00:00"),
        "timezone",
    ),
    "a name that is none": (
        b"", ("ce-specversion: 1.0", "ce-id: 1", "ce-source: s", "ce-type: t", "ce-a_b: 1"),
        "lowercase letters",
    ),
    "no JSON": (b"{", (WHOLE,), "cannot be read"),
    "no UTF-8": (b'{"id": "\xff"}', (WHOLE,), "cannot be read"),
    "a list": (b"[]", (WHOLE,), "no object"),
    "an object without anything": (b"{}", (WHOLE,), "specversion, id, source, type missing"),
    "too deep": (b"[" * 100_000, (WHOLE,), "too deeply"),
    "a batch": (b"[]", ("Content-Type: application/cloudevents-batch+json",), "single events"),
    "an attribute that is a list": (
        json.dumps({**ATTRIBUTES, "extra": []}).encode(), (WHOLE,), "extra is no text",
    ),
    "an id that is a number": (json.dumps({**ATTRIBUTES, "id": 1}).encode(), (WHOLE,), "'id'"),
    "half a letter": (
        json.dumps({**ATTRIBUTES, "data": "\ud800"}).encode(), (WHOLE,), "cannot be read",
    ),
    "no base64": (
        json.dumps({**ATTRIBUTES, "data_base64": "no base64!"}).encode(), (WHOLE,), "base64",
    ),
    "data twice": (
        json.dumps({**ATTRIBUTES, "data": "x", "data_base64": "eA=="}).encode(), (WHOLE,),
        "data_base64",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("body", "headers", "why"), BROKEN.values(), ids=BROKEN.keys())
def test_what_is_broken_is_refused_with_a_reason(
    server: Server, body: bytes, headers: tuple[str, ...], why: str
) -> None:
    answer = post(server, body, *headers)
    assert answer.code == 400
    assert why in answer.error
    assert seen(server) == []


@hypothesis_settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    event=st.dictionaries(
        st.sampled_from([*ATTRIBUTES, "time", "data", "data_base64", "subject", "dataschema"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text()
            | st.sampled_from(["1.0", "2026-11-28T10:00:00Z", "eA=="]),
            lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner),
            max_leaves=4,
        ),
    )
)  # fmt: skip
def test_whatever_comes_is_taken_or_refused(server: Server, event: dict[str, Any]) -> None:
    answer = whole(server, **event)
    assert answer.code in (202, 400, 503)
    if answer.code == 400:
        assert answer.error
    else:
        assert ask(server.port, request("GET", "/")).json["last"] >= 1


def test_the_oldest_are_forgotten_and_counted(launch: Start) -> None:
    server = launch(functions.find("event-display"), DRAIN_SECONDS="0", MAX_EVENTS="3")
    for number in range(5):
        send(server, id=str(number))
    told = ask(server.port, request("GET", "/")).json
    assert (told["last"], told["forgotten"]) == (5, 2)
    assert [event["attributes"]["id"] for event in told["events"]] == ["2", "3", "4"]
    assert ask(server.port, request("GET", "/1/data")).code == 404


def test_large_ones_do_not_fill_the_memory(server: Server) -> None:
    for number in range(100):
        assert send(server, NOISE, id=str(number)).code == 202
    assert ask(server.port, request("GET", "/?after=99")).json["forgotten"] == 68
    # The pod's limit is 192 MiB.
    assert server.peak < 120_000


def test_other_paths_and_methods_are_refused(server: Server) -> None:
    assert ask(server.port, request("GET", "/x")).code == 404
    assert ask(server.port, request("GET", "/1/data")).code == 404
    answer = ask(server.port, request("PUT", "/"))
    assert (answer.code, answer.headers["allow"]) == (405, "GET, POST, DELETE")
    answer = ask(server.port, request("POST", "/1/data", b"x"))
    assert (answer.code, answer.headers["allow"]) == (405, "GET")


def test_a_browser_runs_nothing_that_was_sent(server: Server) -> None:
    send(server, b"<script>", "Content-Type: text/html")
    whole(server, id="2", datacontenttype="text/\r\nx: y", data="<script>")
    one, two = (ask(server.port, request("GET", f"/{number}/data")) for number in (1, 2))
    for answer in (one, two):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"] == "sandbox"
    assert two.headers["content-type"] == "application/octet-stream"
