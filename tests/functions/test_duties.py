"""functions/templates/node and java17: what any function on OpenFaaS has to do, whatever it is for

The handlers of ``duties/`` send back what came, or do what the path says.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from lab_helpers import CommandError
from lab_helpers._files import write
from lab_helpers.functions import Function

from .conftest import PROGRAMS, Server, Start
from .http import Client, ask, exchange, request

DUTIES = Path(__file__).parent / "duties"
LIMIT = 1_048_576
CHUNKED = "Transfer-Encoding: chunked"
HELLO = request("POST", "/", b"hello")
NOISE = bytes(range(256)) * 16


@pytest.fixture(scope="module", params=["node", "java"])
def function(request: pytest.FixtureRequest) -> Function:
    return Function(f"duties-{request.param}", DUTIES)


@pytest.fixture(scope="module")
def served(launch: Start, function: Function) -> Server:
    """One server for all tests that leave it running."""
    return launch(function, DRAIN_SECONDS="0", exec_timeout="2s", read_timeout="1500ms")


def test_a_request_comes_whole_and_goes_back_whole(served: Server) -> None:
    sent = request("PUT", "/a/b?q=c%20d&x", NOISE, "X-Sent: e", "Content-Type: text/plain")
    answer = ask(served.port, sent)
    assert (answer.code, answer.body) == (200, NOISE)
    assert answer.headers["x-seen"] == "PUT /a/b c d e"
    assert answer.headers["content-type"] == "application/octet-stream"


def test_head_has_no_body_and_no_content_has_none_either(served: Server) -> None:
    assert ask(served.port, request("HEAD", "/")).code == 200
    head = asyncio.run(_raw(served.port, request("GET", "/nothing", b"", "Connection: close")))
    assert head.startswith(b"HTTP/1.1 204")
    assert head.endswith(b"\r\n\r\n")


async def _raw(port: int, data: bytes) -> bytes:
    client = await Client.connect(port)
    await client.send(data)
    try:
        return await asyncio.wait_for(client.rest(), 10)
    finally:
        await client.close()


def test_the_code_is_the_handlers(served: Server) -> None:
    for code in (201, 404, 503):
        answer = ask(served.port, request("GET", f"/status?code={code}"))
        assert (answer.code, answer.body) == (code, b"said")


@pytest.mark.parametrize("path", ["/status?code=99", "/status?code=1000", "/header"])
def test_what_cannot_be_answered_is_a_failure(served: Server, path: str) -> None:
    answer = ask(served.port, request("GET", path))
    assert (answer.code, answer.error) == (500, "the function failed")
    assert "x-bad" not in answer.headers


def test_a_failure_is_explained_in_the_log_and_not_to_the_caller(served: Server) -> None:
    answer = ask(served.port, request("GET", "/fail"))
    assert (answer.code, answer.error) == (500, "the function failed")
    log = served.log.read_text()
    assert "a detail for the log" in log
    assert "Handler.java:" in log or "handler.js:" in log


def test_the_longest_body_is_read_and_a_longer_one_refused(served: Server) -> None:
    assert len(ask(served.port, request("POST", "/", b"x" * LIMIT)).body) == LIMIT
    for length in (LIMIT + 1, 9 * LIMIT):
        answer = ask(served.port, request("POST", "/", b"x" * length))
        assert (answer.code, answer.closes) == (413, True)
        assert str(LIMIT) in answer.error
    assert ask(served.port, HELLO).code == 200


def test_a_body_of_untold_length_is_refused_as_well(served: Server) -> None:
    piece = b"%x\r\n%s\r\n" % (LIMIT, b"x" * LIMIT)
    head = request("POST", "/", b"", CHUNKED)
    assert ask(served.port, head + piece + b"1\r\nx\r\n0\r\n\r\n").code == 413
    assert ask(served.port, head + piece + b"0\r\n\r\n").body == b"x" * LIMIT


def test_a_handler_that_takes_too_long_is_not_waited_for(served: Server) -> None:
    began = time.monotonic()
    answer = ask(served.port, request("GET", "/sleep?ms=9000"))
    assert answer.code == 504
    assert "longer than 2" in answer.error
    assert 1.9 < time.monotonic() - began < 4
    assert ask(served.port, request("GET", "/sleep?ms=1")).body == b"slept"


def test_a_body_that_does_not_arrive_is_not_waited_for(served: Server) -> None:
    began = time.monotonic()
    answer = ask(served.port, HELLO[:-1])
    assert (answer.code, answer.closes) == (408, True)
    assert answer.error
    assert time.monotonic() - began < 4


def test_slow_calls_do_not_wait_for_each_other(served: Server) -> None:
    async def run() -> set[int]:
        calls = [exchange(served.port, request("GET", "/sleep?ms=500")) for _ in range(50)]
        return {answer.code for answer in await asyncio.gather(*calls)}

    began = time.monotonic()
    assert asyncio.run(run()) == {200}
    assert time.monotonic() - began < 2


def test_a_connection_serves_many_requests_without_delay(served: Server) -> None:
    """The kernel would hold back each answer for 40 ms if the server let it."""

    async def run() -> float:
        client = await Client.connect(served.port)
        began = time.monotonic()
        for _ in range(100):
            await client.send(HELLO)
            assert (await client.answer()).body == b"hello"
        await client.close()
        return time.monotonic() - began

    assert asyncio.run(run()) < 2


def test_health_is_told_also_while_all_are_busy(served: Server) -> None:
    async def run() -> float:
        busy = [exchange(served.port, request("GET", "/sleep?ms=1500")) for _ in range(100)]
        waiting = asyncio.gather(*busy)
        await asyncio.sleep(0.5)
        began = time.monotonic()
        assert (await exchange(served.port, request("GET", "/_/health"))).code == 200
        took = time.monotonic() - began
        await waiting
        return took

    assert asyncio.run(run()) < 0.5


@pytest.mark.parametrize(
    "data",
    [b"hello there\r\n\r\n", bytes(4096), b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 999_999],
)
def test_what_is_not_http_does_no_harm(served: Server, data: bytes) -> None:
    try:
        said = asyncio.run(_raw(served.port, data))
    except ConnectionResetError:
        said = b""
    assert said == b"" or said.startswith(b"HTTP/1.1 4")
    assert ask(served.port, HELLO).code == 200


def test_while_it_drains_it_serves_on_but_is_not_ready(launch: Start, function: Function) -> None:
    server = launch(function, DRAIN_SECONDS="2")

    async def run() -> None:
        old, silent = [await Client.connect(server.port) for _ in range(2)]
        await old.send(HELLO)
        assert not (await old.answer()).closes
        assert (await exchange(server.port, request("GET", "/_/ready"))).code == 200
        server.terminate()
        server.wait_for("Draining")
        assert (await exchange(server.port, request("GET", "/_/ready"))).code == 503
        assert (await exchange(server.port, request("GET", "/_/health"))).code == 200
        for client in (old, silent, await Client.connect(server.port)):
            await client.send(HELLO)
            answer = await client.answer()
            assert (answer.code, answer.closes) == (200, True)
            assert await client.rest() == b""
            await client.close()

    asyncio.run(run())
    assert server.process.wait(timeout=10) == 0


def test_what_is_under_way_is_answered(launch: Start, function: Function) -> None:
    server = launch(function, DRAIN_SECONDS="0")

    async def run() -> None:
        slow, half, silent = [await Client.connect(server.port) for _ in range(3)]
        await slow.send(request("GET", "/sleep?ms=1000"))
        await half.send(HELLO[:-2])
        # The signal must not overtake what was sent.
        await asyncio.sleep(0.2)
        server.terminate()
        server.wait_for("Draining")
        await silent.send(HELLO)
        assert (await silent.answer()).code == 200
        await half.send(HELLO[-2:])
        assert (await half.answer()).body == b"hello"
        assert (await slow.answer()).body == b"slept"
        for client in (slow, half, silent):
            await client.close()

    asyncio.run(run())
    assert server.process.wait(timeout=10) == 0


async def _load(port: int, seen: Counter[int], left: asyncio.Event, *, reuse: bool) -> None:
    """Ask over and over, on new connections only until the platform has learnt that it leaves."""
    while not left.is_set():
        client, again = await Client.connect(port), True
        while again:
            await client.send(HELLO)
            answer = await client.answer()
            seen[answer.code] += 1
            again = reuse and not answer.closes
        await client.close()


def test_under_load_every_request_is_answered(launch: Start, function: Function) -> None:
    server = launch(function, DRAIN_SECONDS="2")
    seen: Counter[int] = Counter()

    async def run() -> None:
        left = asyncio.Event()
        clients = [_load(server.port, seen, left, reuse=n % 2 == 0) for n in range(50)]
        load = asyncio.gather(*clients)
        while seen[200] < 500 and not load.done():
            await exchange(server.port, HELLO)
        server.terminate()
        await asyncio.sleep(1)
        left.set()
        # Whatever is cut off or reset raises here.
        await load

    asyncio.run(asyncio.wait_for(run(), 60))
    assert set(seen) == {200}
    assert server.process.wait(timeout=10) == 0


def test_who_never_finishes_asking_does_not_keep_it(launch: Start, function: Function) -> None:
    server = launch(function, DRAIN_SECONDS="0", read_timeout="1s")

    async def run() -> bytes:
        half = await Client.connect(server.port)
        await half.send(HELLO[:-2])
        await asyncio.sleep(0.2)
        server.terminate()
        try:
            return await asyncio.wait_for(half.rest(), 8)
        finally:
            await half.close()

    assert asyncio.run(run())[:12] in (b"", b"HTTP/1.1 408")
    assert server.process.wait(timeout=5) == 0


def test_it_ends_at_once_when_it_has_nothing_to_do(launch: Start, function: Function) -> None:
    idle = launch(function, DRAIN_SECONDS="0")
    began = time.monotonic()
    idle.terminate()
    assert idle.process.wait(timeout=5) == 0
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("text", ["soon", "1m 30s", "-1s", "10S", "s", "1.5.s", "1x"])
def test_a_setting_that_is_none_is_said_before_anything_is_served(
    function: Function, laid_out: Callable[[Function], Path], text: str
) -> None:
    program = PROGRAMS[function.template.kind](function, laid_out(function))
    variables = {**os.environ, **program.variables, "PORT": "0", "exec_timeout": text}
    done = subprocess.run(
        program.argv, env=variables, capture_output=True, text=True, timeout=20, check=False
    )
    assert done.returncode == 1
    assert "the function cannot start: " in done.stdout
    assert f"exec_timeout={text} is no duration" in done.stdout


@pytest.mark.parametrize(
    "text", ["0", "0s", "2", ".05m", "1s1500ms", "2000000us", "1h2m3.5s", "9999h"]
)
def test_durations_are_as_go_writes_them(launch: Start, function: Function, text: str) -> None:
    server = launch(function, exec_timeout=text, read_timeout=text, write_timeout=text)
    assert ask(server.port, request("GET", "/sleep?ms=1200")).body == b"slept"
    assert ask(server.port, HELLO).body == b"hello"


@pytest.mark.parametrize(
    ("kind", "file", "text", "place"),
    [
        (
            "node",
            "handler.js",
            "const a = 1;\nmodule.exports = async (event =>\n",
            r"handler\.js:3",
        ),
        ("java", "Handler.java", "class Handler {\n    int a = b;\n}\n", r"Handler\.java:2"),
    ],
)
def test_a_broken_handler_is_told_before_anything_is_built(
    tmp_path: Path, kind: str, file: str, text: str, place: str
) -> None:
    base = Function(f"duties-{kind}", DUTIES).base
    write(tmp_path / file, text)
    with pytest.raises(CommandError, match=place):
        base.prepare(tmp_path, "/opt/function")
