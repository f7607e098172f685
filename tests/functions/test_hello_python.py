"""functions/hello-python, and the template python3-nats"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from lab_helpers import functions, templates
from lab_helpers._sources import copy

from .conftest import Server, Start
from .http import ask, request
from .made import made

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)  # fmt: skip


@pytest.fixture(scope="module")
def server(launch: Start) -> Server:
    return launch(functions.find("hello-python"), DRAIN_SECONDS="0")


def test_it_says_what_it_received(server: Server) -> None:
    answer = ask(server.port, request("POST", "/", b'{"name":"Ada", "n": [1, 2.5, null]}'))
    assert answer.code == 200
    assert answer.json == {"status": 'Received input: {"name": "Ada", "n": [1, 2.5, null]}'}


@hypothesis_settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(VALUES)
def test_whatever_is_json_comes_back(server: Server, value: Any) -> None:
    status = ask(server.port, request("POST", "/", json.dumps(value).encode())).json["status"]
    assert json.loads(status.removeprefix("Received input: ")) == value


@pytest.mark.parametrize(
    "body", [b"", b"hello", b"{", b"\xff\xfe", b"NaN", b"[" * 100_000, b"9" * 10_000, b"{}{}"]
)
def test_what_is_not_json_is_refused(server: Server, body: bytes) -> None:
    answer = ask(server.port, request("POST", "/", body))
    assert (answer.code, answer.error) == (400, "the body is not JSON")


def test_other_paths_and_methods_are_refused(server: Server) -> None:
    assert ask(server.port, request("POST", "/x", b"{}")).code == 404
    for method in ("GET", "PUT", "DELETE"):
        answer = ask(server.port, request(method, "/", b"{}"))
        assert (answer.code, answer.headers["allow"]) == (405, "POST")
        assert answer.error


def test_it_needs_little(server: Server) -> None:
    assert server.resident < 64_000


@pytest.mark.parametrize("lang", ["python3-http", "python3-files", "python3-nats"])
def test_what_a_template_begins_with_runs(tmp_path: Path, launch: Start, lang: str) -> None:
    function = made(tmp_path, lang)
    copy(templates.find(lang).beginning, function.folder)
    assert ask(launch(function).port, request("POST", "/_/health")).code == 200


def test_a_message_is_there_as_bytes_and_as_text(tmp_path: Path, launch: Start) -> None:
    handler = """
def handle(event, context):
    return {"body": [event.text, event.body.hex()]}
"""
    server = launch(made(tmp_path, "python3-nats", handler__py=handler))
    for body, text in (
        (b'{"a": 1}', '{"a": 1}'),
        ("ü\r\n".encode(), "ü\r\n"),
        (b"a\xff", "a\N{REPLACEMENT CHARACTER}"),
        (b"", ""),
    ):
        for kind in ("application/json", "multipart/form-data; boundary=x", "text/plain"):
            answer = ask(server.port, request("POST", "/", body, f"Content-Type: {kind}"))
            assert answer.json == [text, body.hex()]
