"""lab_helpers.load, against a real server on loopback"""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Barrier, Thread

import httpx
import pytest

from lab_helpers import load

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
