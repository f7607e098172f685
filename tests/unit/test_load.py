"""lab_helpers.load, against a real server on loopback"""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Barrier, Thread

import httpx
import pytest

from lab_helpers import UsageError, load

TOGETHER = Barrier(load.CLIENTS, timeout=10)


class Handler(BaseHTTPRequestHandler):
    """Answers every fourth request of ``/mixed`` as ``b``; at ``/crowd`` only a crowd."""

    numbers = count()

    def do_GET(self) -> None:
        if self.path == "/crowd":
            TOGETHER.wait()
        self.send_response(503 if self.path == "/broken" else 200)
        self.send_header("X-Who", "b" if next(self.numbers) % 4 == 3 else "a")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200 if sent == b"knock" and self.headers["X-Key"] == "k" else 400)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()
        thread.join()


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False) as made:
        yield made


def test_latencies_are_milliseconds_one_for_each_request(client: httpx.Client, server: str) -> None:
    took = load.latencies(client, f"{server}/", 5)
    assert len(took) == 5
    assert all(0.01 < each < 5000 for each in took)


def test_answers_are_counted_by_a_header(client: httpx.Client, server: str) -> None:
    Handler.numbers = count()
    assert load.count_answers(client, f"{server}/mixed", 40, header="X-Who") == {"a": 30, "b": 10}


def test_answers_without_the_header_count_as_well(client: httpx.Client, server: str) -> None:
    assert load.count_answers(client, f"{server}/", 3, header="X-Other") == {"": 3}


def test_requests_are_sent_side_by_side(client: httpx.Client, server: str) -> None:
    counted = load.count_answers(client, f"{server}/crowd", load.CLIENTS, header="X-Who")
    assert counted.total() == load.CLIENTS


@pytest.mark.parametrize("measure", [
    lambda client, url: load.latencies(client, url, 1),
    lambda client, url: load.count_answers(client, url, 1, header="X-Who"),
])  # fmt: skip
def test_an_error_is_not_measured_but_raised(
    measure: object, client: httpx.Client, server: str
) -> None:
    assert callable(measure)
    with pytest.raises(httpx.HTTPStatusError, match="503"):
        measure(client, f"{server}/broken")


def test_a_hammer_sends_as_many_requests_as_it_is_told(client: httpx.Client, server: str) -> None:
    found = load.hammer(client, f"{server}/", count=50, clients=4)
    assert (found.sent, found.lost, found.statuses) == (50, 0, {200: 50})
    assert len(found.latencies) == 50
    assert found.rate == pytest.approx(50 / found.seconds)


def test_a_hammer_strikes_for_as_long_as_it_is_told(client: httpx.Client, server: str) -> None:
    found = load.hammer(client, f"{server}/", seconds=0.3, clients=2)
    assert 0.3 <= found.seconds < 5
    assert found.sent > 2


def test_a_hammers_clients_strike_together(client: httpx.Client, server: str) -> None:
    assert load.hammer(client, f"{server}/crowd", count=load.CLIENTS).lost == 0


def test_a_hammer_sends_what_it_is_given(client: httpx.Client, server: str) -> None:
    found = load.hammer(
        client, f"{server}/", count=2, clients=1, method="POST", content="knock",
        headers={"X-Key": "k"},
    )  # fmt: skip
    assert found.statuses == {200: 2}


def test_what_a_hammer_loses_is_counted_and_told(client: httpx.Client, server: str) -> None:
    broken = load.hammer(client, f"{server}/broken", count=3)
    assert (broken.lost, broken.statuses) == (3, {503: 3})
    with httpx.Client(trust_env=False, transport=httpx.HTTPTransport()) as other:
        nobody = load.hammer(other, "http://127.0.0.1:9/", count=3, clients=1)
    assert (nobody.sent, nobody.lost, nobody.latencies) == (3, 3, [])
    assert nobody.rate == 0
    assert "3 answered 503" in broken.text()
    assert "3 without an answer: ConnectError" in repr(nobody)


@pytest.mark.parametrize("given", [{}, {"count": 1, "seconds": 1.0}])
def test_a_hammer_needs_to_know_when_to_stop(client: httpx.Client, given: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="one of them"):
        load.hammer(client, "http://127.0.0.1:9/", **given)


def test_percentiles_are_of_the_answers() -> None:
    found = load.Load([float(n) for n in range(1, 102)])
    assert (found.percentile(50), found.percentile(95)) == (51, 96)
    assert load.Load([3.0]).percentile(95) == 3
    assert load.Load().percentile(95) == 0


def test_readers_come_at_their_times_whatever_they_get(client: httpx.Client, server: str) -> None:
    found = load.visit(client, f"{server}/", readers=4, every=0.4, seconds=0.8)
    assert (found.sent, found.lost) == (8, 0)
    assert 0.7 <= found.seconds < 5
    refused = load.visit(client, f"{server}/broken", readers=2, every=0.1, seconds=0.2)
    assert (refused.sent, refused.lost, refused.statuses) == (4, 4, {503: 4})


def test_a_reader_who_waits_keeps_nobody_else_waiting(client: httpx.Client, server: str) -> None:
    """At ``/crowd`` the first ones are answered when the last one is there."""
    found = load.visit(client, f"{server}/crowd", readers=load.CLIENTS, every=0.4, seconds=0.4)
    assert (found.sent, found.lost) == (load.CLIENTS, 0)
