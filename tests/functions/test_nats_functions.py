"""functions/nats-publish and functions/nats-receiver"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from nats.aio.client import Client
from nats.js.api import StreamConfig

from lab_helpers import functions
from lab_helpers._wait import NotYet, until

from .conftest import Server, Start
from .http import Answer, ask, request
from .nats import Nats

MEGABYTE = 1_048_576


@pytest.fixture(scope="module")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats]:
    started = Nats(tmp_path_factory.mktemp("nats")).start()
    yield started
    started.end()


@pytest.fixture(scope="module")
def publisher(launch: Start, nats: Nats, tmp_path_factory: pytest.TempPathFactory) -> Server:
    return started(launch, nats, tmp_path_factory.mktemp("secrets"))


def started(launch: Start, nats: Nats, secrets: Path) -> Server:
    (secrets / "nats-password").write_text("of-functions\n")
    return launch(
        functions.find("nats-publish"), DRAIN_SECONDS="0", SECRETS_FOLDER=str(secrets),
        NATS_URL=f"nats://127.0.0.1:{nats.port}", NATS_USER="functions", NATS_SUBJECT="nats-test",
    )  # fmt: skip


@pytest.fixture(scope="module")
def receiver(launch: Start) -> Server:
    return launch(functions.find("nats-receiver"), DRAIN_SECONDS="0")


def publish(server: Server, body: bytes, query: str = "") -> Answer:
    return ask(server.port, request("POST", f"/{query}", body))


def heard(nats: Nats, subject: str, server: Server, *bodies: bytes) -> list[bytes]:
    """What a subscriber gets of what is published."""

    async def listen(client: Client) -> list[bytes]:
        subscription = await client.subscribe(subject)
        await client.flush()
        for body in bodies:
            answer = await asyncio.to_thread(publish, server, body, f"?subject={subject}")
            assert answer.json == {"subject": subject, "bytes": len(body), "stored": False}
        return [(await subscription.next_msg(5)).data for _ in bodies]

    return nats.do(listen)


def test_every_message_goes_out_as_it_came(nats: Nats, publisher: Server) -> None:
    bodies = (b"hello", b"", bytes(range(256)), b"\xff\xfe", "ñ 🌳".encode(), b"x" * MEGABYTE)
    assert heard(nats, "unchanged", publisher, *bodies) == list(bodies)


def test_the_usual_subject_is_that_of_the_environment(publisher: Server) -> None:
    assert publish(publisher, b"x").json["subject"] == "nats-test"


def test_a_message_is_stored_where_something_keeps_it(nats: Nats, publisher: Server) -> None:
    async def make(client: Client) -> None:
        await client.jetstream().add_stream(StreamConfig(name="kept", subjects=["kept"]))

    nats.do(make)
    first, second = (publish(publisher, b"x", "?subject=kept&stored=true") for _ in range(2))
    assert first.json == {
        "subject": "kept", "bytes": 1, "stored": True, "stream": "kept", "number": 1,
    }  # fmt: skip
    assert second.json["number"] == 2
    refused = publish(publisher, b"x", "?subject=nowhere&stored=true")
    assert refused.code == 400
    assert "nothing keeps" in refused.error


@pytest.mark.parametrize(
    "subject", ["", "a..b", "a.*", "a.%3E", "a%20b", ".a", "$JS.API.INFO", "dead.x", "_INBOX.x"]
)
def test_what_is_no_subject_is_refused(publisher: Server, subject: str) -> None:
    answer = publish(publisher, b"x", f"?subject={subject}")
    assert answer.code == 400
    assert "subject" in answer.error


def test_other_paths_and_methods_are_refused(publisher: Server, receiver: Server) -> None:
    for server, allowed in ((publisher, "POST"), (receiver, "GET, POST")):
        assert ask(server.port, request("POST", "/x", b"x")).code == 404
        answer = ask(server.port, request("DELETE", "/"))
        assert (answer.code, answer.headers["allow"]) == (405, allowed)


def test_a_server_that_is_away_is_told_and_found_again(launch: Start, tmp_path: Path) -> None:
    nats = Nats(tmp_path).start()
    server = started(launch, nats, tmp_path)
    assert publish(server, b"x").code == 200
    nats.end()
    answer = publish(server, b"x")
    assert answer.code == 503
    assert "again" in answer.error
    assert "Traceback" not in server.log.read_text()
    nats.start()

    def probe() -> None:
        if publish(server, b"x").code != 200:
            raise NotYet("it does not publish")

    until("the function to publish again", probe, timeout=15)
    nats.end()


def take(receiver: Server, body: bytes, topic: str = "t") -> None:
    headers = (f"X-Topic: {topic}", "X-Event-Id: e-1", "Content-Type: application/json")
    answer = ask(receiver.port, request("POST", "/", body, *headers))
    assert (answer.code, answer.body) == (204, b"")


def test_what_was_received_is_shown_as_it_came(receiver: Server) -> None:
    before = ask(receiver.port, request("GET", "/")).json["count"]
    for text in ("hello", '{"not": parsed', "ñ 🌳", ""):
        take(receiver, text.encode())
    take(receiver, b"\xff!")
    shown = ask(receiver.port, request("GET", "/")).json
    assert shown["count"] - before == 5
    texts = [each["text"] for each in shown["last"][-5:]]
    assert texts == ["hello", '{"not": parsed', "ñ 🌳", "", "\ufffd!"]
    assert {each["event"] for each in shown["last"][-5:]} == {"e-1"}
    assert "t: ñ 🌳\n" in receiver.log.read_text()


def test_topics_are_counted_and_the_last_messages_kept(receiver: Server) -> None:
    for number in range(60):
        take(receiver, str(number).encode(), topic="many")
    shown = ask(receiver.port, request("GET", "/")).json
    assert shown["topics"]["many"] == 60
    assert [each["text"] for each in shown["last"]] == [str(each) for each in range(10, 60)]


def test_a_long_message_is_taken_and_shown_in_part(receiver: Server) -> None:
    take(receiver, b"x" * MEGABYTE)
    (last,) = ask(receiver.port, request("GET", "/")).json["last"][-1:]
    assert last["bytes"] == MEGABYTE
    assert last["text"].endswith("… (1048576 characters)")
    assert len(last["text"]) < 400
