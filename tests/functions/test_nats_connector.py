"""images/connectors: functions are called for messages on NATS"""

from __future__ import annotations

import json
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from nats.aio.client import Client

from lab_helpers._wait import NotYet, until

from .connector import Connector, Gateway
from .nats import Nats

MEGABYTE = 1_048_576


@pytest.fixture(scope="module")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats]:
    started = Nats(tmp_path_factory.mktemp("nats")).start()
    yield started
    started.end()


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    started = Gateway().start()
    yield started
    started.end()


@pytest.fixture
def make(gateway: Gateway, nats: Nats, tmp_path: Path) -> Iterator[Callable[..., Connector]]:
    """Makes connectors, each with a folder of its own."""
    made: list[Connector] = []

    def begin(server: Nats = nats, **variables: str) -> Connector:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Connector("nats", folder, gateway, server))
        return made[-1].start(**variables)

    yield begin
    for each in made:
        each.stop()


def deployed(gateway: Gateway, connector: Connector, name: str, topic: str, **more: str) -> None:
    """Deploy a function, and wait until it gets messages."""
    before = len(connector.lines("subscribed"))
    gateway.functions[name] = {"topic": topic, **more}
    connector.wait_for("subscribed", before + 1)


def after(seconds: float) -> Callable[[object], int]:
    """A function that takes its time."""

    def answer(_: object) -> int:
        time.sleep(seconds)
        return 204

    return answer


def when(over: threading.Event) -> Callable[[object], int]:
    """A function that answers when it is told to."""

    def answer(_: object) -> int:
        over.wait(30)
        return 204

    return answer


def streams(nats: Nats) -> list[str]:
    async def work(client: Client) -> list[str]:
        found = await client.jsm().streams_info()
        return sorted(str(each.config.name) for each in found)

    return nats.do(work)


def letters(nats: Nats, function: str) -> list[tuple[bytes, dict[str, str]]]:
    """The dead letters of a function."""

    async def work(client: Client) -> list[tuple[bytes, dict[str, str]]]:
        subject = f"dead.openfaas-fn.{function}"
        subscription = await client.jetstream().subscribe(subject, ordered_consumer=True)
        pending = (await subscription.consumer_info()).num_pending or 0
        found = [
            await subscription.next_msg(5) for _ in range(pending or subscription.pending_msgs)
        ]
        return [(each.data, dict(each.headers or {})) for each in found]

    return nats.do(work)


@pytest.mark.parametrize("durable", ["false", "true"])
def test_messages_come_unchanged(
    gateway: Gateway, nats: Nats, make: Callable[..., Connector], durable: str
) -> None:
    connector = make()
    deployed(gateway, connector, "receiver", f"plain-{durable}", durable=durable)
    bodies = (b"", b"hello", bytes(range(256)), b"\xff\xfe\x00", "ñ".encode(), b"x" * MEGABYTE)
    nats.publish(f"plain-{durable}", *bodies)
    calls = gateway.wait_for("receiver", len(bodies))
    assert Counter(each.body for each in calls) == Counter(bodies)
    for call in calls:
        assert call.headers["x-topic"] == f"plain-{durable}"
        assert call.headers["x-connector"] == "nats-connector"
        assert "authorization" not in call.headers
    assert len({call.headers["x-event-id"] for call in calls}) == len(bodies)


def test_functions_come_change_and_go_without_a_restart(
    gateway: Gateway, nats: Nats, make: Callable[..., Connector]
) -> None:
    connector = make()
    deployed(gateway, connector, "one", "first, second")
    nats.publish("first", b"1")
    nats.publish("second", b"2")
    nats.publish("third", b"3")
    assert sorted(each.body for each in gateway.wait_for("one", 2)) == [b"1", b"2"]
    deployed(gateway, connector, "one", "third.*")
    deployed(gateway, connector, "two", "third.>")
    nats.publish("first", b"no longer")
    nats.publish("third.a", b"4")
    nats.publish("third.a.b", b"5")
    assert [each.body for each in gateway.wait_for("one", 3)][2:] == [b"4"]
    assert sorted(each.body for each in gateway.wait_for("two", 2)) == [b"4", b"5"]
    assert gateway.of("two")[0].headers["x-topic"].startswith("third.a")
    del gateway.functions["one"], gateway.functions["two"]
    until("nothing to be subscribed", lambda: no_functions(connector), timeout=10)
    nats.publish("third.a", b"6")
    assert len(gateway.calls) == 5


def no_functions(connector: Connector) -> None:
    if connector.counted("connector_functions"):
        raise NotYet("there are functions")


def test_two_connectors_hand_on_each_message_once(
    gateway: Gateway, nats: Nats, make: Callable[..., Connector]
) -> None:
    both = make(), make()
    gateway.functions["core"] = {"topic": "shared"}
    gateway.functions["kept"] = {"topic": "shared-kept", "durable": "true"}
    for each in both:
        each.wait_for("subscribed", 2)
    bodies = [b"%d" % number for number in range(200)]
    nats.publish("shared", *bodies)
    nats.publish("shared-kept", *bodies)
    for name in ("core", "kept"):
        gateway.wait_for(name, 200)
        assert sorted(gateway.bodies(name)) == sorted(bodies)
    assert all(each.counted("connector_calls_total") > 20 for each in both)


def test_what_is_durable_outlives_the_connector_and_the_rest_does_not(
    gateway: Gateway, nats: Nats, make: Callable[..., Connector]
) -> None:
    connector = make()
    deployed(gateway, connector, "core", "away")
    deployed(gateway, connector, "kept", "away-kept", durable="true")
    assert connector.end() == 0
    for subject in ("away", "away-kept"):
        nats.publish(subject, b"1", b"2", b"3")
    connector.start()
    assert sorted(each.body for each in gateway.wait_for("kept", 3)) == [b"1", b"2", b"3"]
    assert gateway.of("core") == []


def test_a_killed_connectors_messages_go_to_the_next_one(
    gateway: Gateway, nats: Nats, make: Callable[..., Connector]
) -> None:
    gateway.answers["kept"] = after(0.02)
    connector = make()
    deployed(gateway, connector, "kept", "killed", durable="true")
    bodies = [b"%d" % number for number in range(500)]
    nats.publish("killed", *bodies)
    gateway.wait_for("kept", 100)
    connector.end(signal.SIGKILL)
    connector.start()
    until("all to be handled", lambda: all_of(gateway, "kept", bodies), timeout=30)
    # Those under way at the end were called for twice, and no others.
    assert 500 <= len(gateway.of("kept")) <= 500 + 32


def all_of(gateway: Gateway, name: str, bodies: list[bytes]) -> None:
    if missing := set(bodies) - set(gateway.bodies(name)):
        raise NotYet(f"{len(missing)} are missing")


def test_it_ends_after_the_calls_under_way(
    gateway: Gateway, nats: Nats, make: Callable[..., Connector]
) -> None:
    gateway.answers["slow"] = after(0.5)
    connector = make()
    deployed(gateway, connector, "slow", "slow")
    nats.publish("slow", *[b"x"] * 24)
    gateway.wait_for("slow", 16)
    assert connector.end() == 0
    # Also those that had come and waited for their turn.
    assert [each["status"] for each in connector.lines("called")] == [204] * 24


def test_a_function_that_fails_is_called_again_but_not_for_ever(
    gateway: Gateway, nats: Nats, make: Callable[..., Connector]
) -> None:
    gateway.answers["fails"] = lambda _: 500
    gateway.answers["recovers"] = lambda calls: 503 if len(calls) < 3 else 200
    gateway.answers["refuses"] = lambda _: 400
    connector = make()
    for name in ("fails", "recovers", "refuses", "works"):
        deployed(gateway, connector, name, "trouble")
    nats.publish("trouble", b"\xff\x00")
    connector.wait_for("given up", 2)
    counts = {name: len(gateway.of(name)) for name in gateway.functions}
    assert counts == {"fails": 4, "recovers": 3, "refuses": 1, "works": 1}
    attempts = gateway.of("fails")
    assert [each.headers["x-attempt"] for each in attempts] == ["1", "2", "3", "4"]
    assert len({each.headers["x-event-id"] for each in attempts}) == 1
    pauses = [b.at - a.at for a, b in pairwise(attempts)]
    assert pauses[0] >= 0.05
    assert pauses[1] >= 0.1
    assert pauses[2] >= 0.2
    ((body, headers),) = letters(nats, "fails")
    assert body == b"\xff\x00"
    assert headers["X-Topic"] == "trouble"
    assert headers["X-Status"] == "500"
    assert [letters(nats, name) for name in ("recovers", "works")] == [[], []]
    assert connector.counted("connector_given_up_total") == 2
    assert connector.counted("connector_retries_total") == 5


def test_a_call_that_hangs_is_given_up_and_hinders_nobody(
    gateway: Gateway, nats: Nats, make: Callable[..., Connector]
) -> None:
    over = threading.Event()
    gateway.answers["hangs"] = when(over)
    connector = make(upstream_timeout="1s", attempts="2")
    deployed(gateway, connector, "hangs", "both", durable="true")
    deployed(gateway, connector, "works", "both2")
    nats.publish("both", *[b"x"] * 20)
    nats.publish("both2", *[b"x"] * 20)
    gateway.wait_for("works", 20)
    assert connector.lines("given up") == []
    connector.wait_for("given up", 20)
    assert {each["reason"] for each in connector.lines("called") if each["status"] == 0} == {
        "no answer within 1 s"
    }
    assert len(gateway.of("hangs")) == 40
    assert len(letters(nats, "hangs")) == 20
    over.set()


def test_a_function_that_has_gone_gets_no_calls_and_keeps_nothing(
    gateway: Gateway, nats: Nats, make: Callable[..., Connector]
) -> None:
    connector = make()
    deployed(gateway, connector, "leaves", "going.away", durable="true")
    assert any(each.startswith("topic-going_away-") for each in streams(nats))
    del gateway.functions["leaves"]

    def probe() -> None:
        if left := [each for each in streams(nats) if each != "dead-letters"]:
            raise NotYet(f"there are {left}")

    until("the streams of nobody to go", probe, timeout=15)
    assert "dead-letters" in streams(nats)


WRONG = ("a b", "a..b", "a.>.b", ">", "*", "$JS.API.>", "dead.x", "dead.>", "handed-on.>", ".a")


def test_a_topic_that_is_no_subject_is_said_and_skips_only_its_function(
    gateway: Gateway, nats: Nats, make: Callable[..., Connector]
) -> None:
    gateway.functions = {f"wrong-{number}": {"topic": each} for number, each in enumerate(WRONG)}
    connector = make()
    deployed(gateway, connector, "right", "right")
    nats.publish("right", b"x")
    gateway.wait_for("right", 1)
    assert connector.counted("connector_refused_functions") == len(WRONG)
    lines = [json.loads(line) for line in connector.log.splitlines() if "WrongTopic" in line]
    assert [each["function"] for each in lines] == [*gateway.functions][:-1]
    assert all(each["message"].startswith("it gets no messages: ") for each in lines)


def test_subjects_that_overlap_are_kept_for_the_first_and_refused_to_the_second(
    gateway: Gateway, nats: Nats, make: Callable[..., Connector]
) -> None:
    connector = make()
    deployed(gateway, connector, "first", "over.*", durable="true")
    gateway.functions["second"] = {"topic": "over.lap", "durable": "true"}

    def probe() -> None:
        if "NATS refuses" not in connector.log:
            raise NotYet(connector.log[-1000:])

    until("the second to be refused", probe, timeout=10)
    nats.publish("over.lap", b"x")
    gateway.wait_for("first", 1)
    assert gateway.of("second") == []


def test_it_waits_for_nats_and_the_gateway_and_finds_them_again(
    gateway: Gateway, tmp_path: Path
) -> None:
    server = Nats(tmp_path)
    gateway.end()
    connector = Connector("nats", tmp_path, gateway, server)
    connector.begin()
    connector.wait_for("NATS does not answer")
    assert (connector.ask("healthz"), connector.ask("readyz")) == (200, 503)
    server.start()
    connector.wait_for("the gateway does not list its functions")
    gateway.functions["kept"] = {"topic": "lasting", "durable": "true"}
    gateway.functions["core"] = {"topic": "passing"}
    gateway.start()
    connector.wait_until_ready()
    connector.wait_for("subscribed", 2)
    server.publish("lasting", b"1")
    gateway.wait_for("kept", 1)
    # The server dies; what it has kept is there when it is back, and so are the subscriptions.
    server.end(signal.SIGKILL)
    connector.wait_for("NATS is away")
    until("it not to be ready", lambda: refused(connector), timeout=5)
    server.start()
    connector.wait_for("NATS is back")
    server.publish("lasting", b"2")
    server.publish("passing", b"3")
    assert [each.body for each in gateway.wait_for("kept", 2)] == [b"1", b"2"]
    assert [each.body for each in gateway.wait_for("core", 1)] == [b"3"]
    assert connector.end() == 0
    server.end()


def refused(connector: Connector) -> None:
    if connector.ready:
        raise NotYet("it is ready")


def test_every_call_is_a_line_of_the_log(
    gateway: Gateway, nats: Nats, make: Callable[..., Connector]
) -> None:
    connector = make()
    deployed(gateway, connector, "logged", "logged")
    nats.publish("logged", b"x")
    line = connector.wait_for("called")
    assert line["function"] == "logged"
    assert line["namespace"] == "openfaas-fn"
    assert line["status"] == 204
    assert line["topic"] == "logged"
    assert 0 < line["duration_ms"] < 5000
    assert connector.counted("connector_call_seconds_count") == 1


def test_what_is_too_much_for_core_nats_is_counted(
    gateway: Gateway, nats: Nats, make: Callable[..., Connector]
) -> None:
    """The memory for waiting messages is bounded, and this function takes none of them."""
    over = threading.Event()
    gateway.answers["stuck"] = when(over)
    connector = make(upstream_timeout="20s", concurrency="1", drain="100ms")
    deployed(gateway, connector, "stuck", "flood")
    nats.publish("flood", *[b"x" * MEGABYTE] * 40)

    def probe() -> None:
        if connector.counted("connector_lost_total") < 20:
            raise NotYet("less was lost")

    until("the loss to be counted", probe, timeout=10)
    assert connector.ready
    over.set()
