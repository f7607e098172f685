"""functions/minio-webhook"""

from __future__ import annotations

import json
from typing import Any

import pytest

from lab_helpers import functions

from .conftest import Server, Start
from .http import Answer, ask, request

KNOWN = "Authorization: Bearer s3cret"


@pytest.fixture(scope="module")
def server(launch: Start, tmp_path_factory: pytest.TempPathFactory) -> Server:
    secrets = tmp_path_factory.mktemp("secrets")
    (secrets / "minio-webhook-token").write_text("s3cret\n")
    return launch(functions.find("minio-webhook"), DRAIN_SECONDS="0", SECRETS_FOLDER=str(secrets))


def event(**changes: Any) -> dict[str, Any]:
    """An event in the shape in which MinIO sends them."""
    about = {"bucket": {"name": "forecast"}, "object": {"key": "28079%2Fa+b+%C3%B1.xml", "size": 9}}
    return {
        "EventName": "s3:ObjectCreated:Put",
        "Key": "forecast/28079/a b ñ.xml",
        "Records": [{"eventName": "s3:ObjectCreated:Put", "s3": about}],
        **changes,
    }


def tell(server: Server, said: Any, *headers: str) -> Answer:
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    return ask(server.port, request("POST", "/", body, *(headers or (KNOWN,))))


def test_an_event_is_told_in_short_with_the_objects_true_name(server: Server) -> None:
    answer = tell(server, event())
    wanted = {"event": "s3:ObjectCreated:Put", "bucket": "forecast",
              "object": "28079/a b ñ.xml", "size": 9}  # fmt: skip
    assert (answer.code, answer.json) == (200, wanted)
    shown = ask(server.port, request("GET", "/")).json
    assert {key: shown["last"][-1][key] for key in wanted} == wanted
    assert "s3:ObjectCreated:Put forecast/28079/a b ñ.xml (9 bytes)" in server.log.read_text()


@pytest.mark.parametrize(
    "header", ["X: y", "Authorization: Bearer wrong", "Authorization: Bearer ", "Authorization: ñ"]
)
def test_whoever_has_not_the_token_is_not_believed(server: Server, header: str) -> None:
    before = ask(server.port, request("GET", "/")).json["count"]
    answer = tell(server, event(), header)
    assert answer.code == 401
    assert "token" in answer.error
    assert ask(server.port, request("GET", "/")).json["count"] == before


@pytest.mark.parametrize(
    "said",
    [
        b"", b"\xff", b"[", b"[]", b"1", {}, event(Records=[]), event(Records=[{}]),
        event(Records="x"), event(Records=[{"s3": {"bucket": {}, "object": {"key": "a"}}}]),
        event(Records=[{"s3": {"bucket": {"name": "a"}, "object": {"key": 7}}}]),
        event(Records=[{"s3": {"bucket": {"name": "a"}, "object": {"key": "a", "size": "b"}}}]),
        b"[" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_event_is_refused(server: Server, said: Any) -> None:
    answer = tell(server, said)
    assert answer.code == 400
    assert "no event" in answer.error
    assert "Traceback" not in server.log.read_text()


def test_other_paths_and_methods_are_refused(server: Server) -> None:
    assert ask(server.port, request("POST", "/x", b"x")).code == 404
    answer = ask(server.port, request("PUT", "/", b"x"))
    assert (answer.code, answer.headers["allow"]) == (405, "GET, POST")
