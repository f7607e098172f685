"""functions/templates/python3-*: what all three do"""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from lab_helpers import CommandError
from lab_helpers._files import write
from lab_helpers.functions import Function

from .conftest import Program, Server, Start, python
from .http import Client, ask, exchange, request, until_gone
from .made import made

LIMIT = 1_048_576
CHUNKED = "Transfer-Encoding: chunked"
HANDLER = """
import asyncio, json, sys, threading, time
from .words import GREETING
from function import words
import words as same

def handle(event, context):
    step = event.path.strip("/")
    if step == "body":
        return {"body": event.body}
    if step.startswith("seen"):
        return {"body": {
            "path": event.path, "method": event.method, "query": dict(event.query),
            "type": event.headers.get("CONTENT-TYPE"), "hostname": context.hostname,
        }}
    if step == "slow":
        time.sleep(float(event.query["seconds"]))
        return "slept"
    if step == "raise":
        raise ValueError("the inside")
    if step == "exit":
        sys.exit("the inside")
    if step == "threads":
        return {"body": threading.active_count()}
    return eval(event.body) if event.body else GREETING
"""
WORDS = "GREETING = 'hello'\n"
TEMPLATES = ["python3-http", "python3-files", "python3-nats"]


@pytest.fixture(scope="module", params=TEMPLATES)
def function(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Function:
    root = tmp_path_factory.mktemp("functions")
    return made(root, request.param, handler__py=HANDLER, words__py=WORDS)


@pytest.fixture(scope="module")
def server(function: Function, launch: Start) -> Server:
    return launch(function, DRAIN_SECONDS="0", exec_timeout="2s", read_timeout="3s")


def post(path: str, body: bytes = b"", *headers: str) -> bytes:
    return request("POST", path, body, *headers)


def answered(server: Server, returned: str):
    """What is answered where the handler returns the value of this expression."""
    return ask(server.port, post("/", returned.encode()))


def test_the_handler_is_told_all_about_the_request(server: Server) -> None:
    seen = ask(server.port, request("PUT", "/seen/?a=1&b=%C3%BC", b"x", "Content-Type: a/b")).json
    assert seen.pop("hostname")
    assert seen == {
        "path": "/seen/", "method": "PUT", "query": {"a": "1", "b": "ü"}, "type": "a/b",
    }  # fmt: skip


@pytest.mark.parametrize(
    "body", [b"\xff\xfe\x00not UTF-8\x80", bytes(range(256)), b'{"a": 1}', b"a=1&b=2"]
)
@pytest.mark.parametrize(
    "kind", ["application/json", "application/x-www-form-urlencoded", "text/plain; charset=x", ""]
)
def test_a_body_is_handed_on_unchanged(server: Server, body: bytes, kind: str) -> None:
    headers = [f"Content-Type: {kind}"] if kind else []
    answer = ask(server.port, post("/body", body, *headers))
    assert (answer.code, answer.body) == (200, body)
    assert answer.headers["content-type"] == "application/octet-stream"


@pytest.mark.parametrize(
    ("returned", "code", "kind", "body"),
    [
        ("'text'", 200, "text/plain; charset=utf-8", b"text"),
        ("b'\\xff'", 200, "application/octet-stream", b"\xff"),
        ("None", 200, None, b""),
        ("{'statusCode': 201, 'body': {'a': [1]}}", 201, "application/json", b'{"a": [1]}'),
        ("{'body': [1, None]}", 200, "application/json", b"[1, null]"),
        ("{'statusCode': '404', 'body': 'gone'}", 404, "text/plain; charset=utf-8", b"gone"),
        ("{'statusCode': 503}", 503, None, b""),
        ("{'body': '<b>', 'headers': {'Content-Type': 'text/html'}}", 200, "text/html", b"<b>"),
        ("{}", 200, None, b""),
        ("{'body': 'x' * 3_000_000}", 200, "text/plain; charset=utf-8", b"x" * 3_000_000),
    ],
)
def test_what_it_returns_is_answered(
    server: Server, returned: str, code: int, kind: str | None, body: bytes
) -> None:
    answer = answered(server, returned)
    assert (answer.code, answer.headers.get("content-type")) == (code, kind)
    assert answer.body == body


def test_it_may_set_headers(server: Server) -> None:
    headers = "{'Location': '/x', 'X-Number': 1, 'Content-Length': 99, 'Connection': 'close'}"
    answer = answered(server, f"{{'statusCode': 302, 'headers': {headers}}}")
    assert (answer.headers["location"], answer.headers["x-number"]) == ("/x", "1")
    assert answer.headers["content-length"] == "0"
    assert not answer.closes


def test_an_answer_without_a_body_has_none(server: Server) -> None:
    async def talk() -> list[bytes]:
        client = await Client.connect(server.port)
        await client.send(post("/", b"{'statusCode': 204, 'body': 'no'}"))
        head = await client._reader.readuntil(b"\r\n\r\n")
        await client.send(request("HEAD", "/"))
        answer = await client.answer(head=True)
        await client.close()
        return [head.splitlines()[0], answer.headers["content-length"].encode()]

    assert asyncio.run(talk()) == [b"HTTP/1.1 204 No Content", b"5"]


@pytest.mark.parametrize(
    ("returned", "explained"),
    [
        ("1", "the handler returned a int, and not a dict"),
        ("{'status': 'OK'}", "a dict with ['status'] beside statusCode, body, headers"),
        ("{'statusCode': 99}", "the statusCode 99, which is none"),
        ("{'statusCode': 'OK'}", "the statusCode 'OK', which is none"),
        ("{'statusCode': None}", "the statusCode None, which is none"),
        ("{'body': {1: object()}}", "Object of type object is not JSON serializable"),
        ("{'headers': [1]}", "headers in a list, and not a dict"),
        ("{'headers': {'a b': 1}}", "the header 'a b': '1', which is none"),
        (r"{'headers': {'a': 'x\r\nb: c'}}", "the header 'a': "),
        ("{'headers': {'a': '\\u20ac'}}", "the header 'a': "),
    ],
)
def test_what_cannot_be_answered_is_explained_in_the_log(
    server: Server, returned: str, explained: str
) -> None:
    answer = answered(server, returned)
    assert answer.code == 500
    assert answer.error == "the function failed; its log says why"
    assert explained in server.log.read_text()


@pytest.mark.parametrize("path", ["/raise", "/exit"])
def test_a_handler_that_fails_tells_its_log_and_not_the_caller(server: Server, path: str) -> None:
    answer = ask(server.port, post(path))
    assert answer.code == 500
    assert "inside" not in answer.error
    assert "the inside" in server.log.read_text()
    assert re.search(
        r'The function failed: Trace.*\n  File ".*/handler.py", line', server.log.read_text()
    )
    assert ask(server.port, post("/")).body == b"hello"


def test_a_handler_that_takes_too_long_is_given_up(server: Server) -> None:
    began = time.monotonic()
    answer = ask(server.port, post("/slow?seconds=20"))
    assert answer.code == 504
    assert answer.error == "the function took longer than 2 s"
    assert time.monotonic() - began < 15


def test_calls_run_side_by_side(server: Server) -> None:
    async def crowd() -> list[int]:
        calls = (exchange(server.port, post("/slow?seconds=0.5")) for _ in range(20))
        return [answer.code for answer in await asyncio.gather(*calls)]

    began = time.monotonic()
    assert asyncio.run(crowd()) == [200] * 20
    assert time.monotonic() - began < 8, "one after the other they would take 10"


def test_more_calls_than_threads_wait_for_their_turn(server: Server) -> None:
    async def crowd() -> Counter[int]:
        calls = (exchange(server.port, post("/slow?seconds=0.1")) for _ in range(64))
        return Counter([answer.code for answer in await asyncio.gather(*calls)])

    assert asyncio.run(crowd()) == {200: 64}
    assert ask(server.port, post("/threads")).json <= 40


def test_it_says_that_it_lives_and_that_it_is_ready(server: Server) -> None:
    for path in ("/_/health", "/_/ready"):
        assert ask(server.port, request("GET", path)).code == 200


def test_a_body_that_arrives_too_slowly_is_refused(server: Server) -> None:
    answer = ask(server.port, post("/body", b"half")[:-2])
    assert (answer.code, answer.error) == (408, "the body took longer than 3 s")


def test_the_calls_are_in_the_log(server: Server) -> None:
    ask(server.port, post("/seen/in%20the/log?key=secret"))
    server.wait_for("POST /seen/in%20the/log 200 ")
    assert "secret" not in server.log.read_text()


def test_a_handler_that_silences_its_logs_is_told_of_all_the_same(
    tmp_path: Path, launch: Start
) -> None:
    handler = """
import logging

logging.basicConfig(level=logging.CRITICAL)

def handle(event, context):
    logging.critical("its own words")
    raise ValueError("the inside")
"""
    server = launch(made(tmp_path, "python3-http", handler__py=handler))
    assert ask(server.port, post("/")).code == 500
    assert "its own words" in server.log.read_text()
    assert "the inside" in server.log.read_text()


def test_an_async_handler_is_awaited(tmp_path: Path, launch: Start) -> None:
    handler = """
import asyncio

async def handle(event, context):
    if event.body == b"raise":
        raise ValueError("the inside")
    if event.body == b"exit":
        raise SystemExit
    await asyncio.sleep(float(event.body))
    return "slept"
"""
    server = launch(made(tmp_path, "python3-http", handler__py=handler), exec_timeout="3s")
    assert ask(server.port, post("/", b"0.1")).body == b"slept"
    assert ask(server.port, post("/", b"60")).error == "the function took longer than 3 s"
    for body in (b"raise", b"exit"):
        assert ask(server.port, post("/", body)).code == 500

    async def crowd() -> Counter[int]:
        calls = (exchange(server.port, post("/", b"0.1")) for _ in range(200))
        return Counter([answer.code for answer in await asyncio.gather(*calls)])

    assert asyncio.run(crowd()) == {200: 200}


@hypothesis_settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.sampled_from([b"", b"POST /body HTTP/1.1\r\nHost: x\r\n", post("/body", b"abc")]),
    st.binary(max_size=200),
)
def test_no_bytes_make_it_fail(server: Server, start: bytes, noise: bytes) -> None:
    async def send() -> bytes:
        client = await Client.connect(server.port)
        await client.send(start + noise, last=True)
        try:
            return await client.rest()
        except ConnectionResetError:
            return b""
        finally:
            await client.close()

    assert b"HTTP/1.1 5" not in asyncio.run(asyncio.wait_for(send(), 10))
    assert ask(server.port, request("GET", "/_/health")).code == 200


# The body's limit is for bodies that are kept in memory, with python3-files too.


def test_the_longest_body_is_taken_and_a_longer_one_refused(server: Server) -> None:
    assert ask(server.port, post("/body", b"x" * LIMIT)).body == b"x" * LIMIT
    answer = ask(server.port, post("/body", b"x" * (LIMIT + 1)))
    assert (answer.code, answer.error) == (413, "Request Entity Too Large")
    piece = b"%x\r\n%s\r\n" % (LIMIT, b"x" * LIMIT)
    head = post("/body", b"", CHUNKED)
    assert ask(server.port, head + piece + b"1\r\nx\r\n0\r\n\r\n").code == 413
    assert ask(server.port, head + piece + b"0\r\n\r\n").code == 200


def test_who_goes_on_sending_gets_the_refusal_all_the_same(server: Server) -> None:
    """A reset would take the answer from a client that reads only once all is sent."""

    async def flood() -> tuple[int, int]:
        client = await Client.connect(server.port)
        await client.send(post("/body", b"", f"Content-Length: {200 * LIMIT}"))
        for _ in range(200):
            await client.send(b"x" * LIMIT)
        answer = await client.answer()
        await client.close()
        return answer.code, server.resident

    before = server.peak
    assert asyncio.run(asyncio.wait_for(flood(), 60))[0] == 413
    assert server.peak - before < 8_000
    assert ask(server.port, request("GET", "/_/health")).code == 200


# Leaving


def test_under_load_every_request_that_was_let_in_is_answered(
    function: Function, launch: Start
) -> None:
    server = launch(function, DRAIN_SECONDS="0.5")
    seen: Counter[str] = Counter()

    async def run() -> None:
        data = post("/body", b"hello")
        clients = [until_gone(server.port, data, seen, reuse=n % 2 == 0) for n in range(50)]
        load = asyncio.gather(*clients)
        while seen["200"] < 500 and not load.done():
            await exchange(server.port, data)
        server.terminate()
        await load

    asyncio.run(asyncio.wait_for(run(), 60))
    assert set(seen) == {"200"}
    assert server.process.wait(timeout=10) == 0


def test_it_is_not_ready_while_it_leaves_but_serves(function: Function, launch: Start) -> None:
    server = launch(function, DRAIN_SECONDS="2")
    assert ask(server.port, request("GET", "/_/ready")).code == 200
    server.terminate()
    server.wait_for("Draining")
    assert ask(server.port, request("GET", "/_/ready")).code == 503
    assert ask(server.port, request("GET", "/_/health")).code == 200
    answer = ask(server.port, post("/body", b"late"))
    assert (answer.body, answer.closes) == (b"late", True)
    assert server.process.wait(timeout=10) == 0


def test_what_is_under_way_is_finished(function: Function, launch: Start) -> None:
    server = launch(function, DRAIN_SECONDS="0")

    async def run() -> bytes:
        call = asyncio.create_task(exchange(server.port, post("/slow?seconds=1.5")))
        await asyncio.sleep(0.3)
        server.terminate()
        return (await call).body

    assert asyncio.run(run()) == b"slept"
    assert server.process.wait(timeout=10) == 0


def test_a_call_that_hangs_does_not_keep_it(function: Function, launch: Start) -> None:
    server = launch(function, DRAIN_SECONDS="0", exec_timeout="200ms")
    assert ask(server.port, post("/slow?seconds=60")).code == 504
    server.terminate()
    assert server.process.wait(timeout=5) == 0


def test_it_ends_at_once_while_it_is_still_loading(
    tmp_path: Path, run_program: Callable[[Program], Server], laid_out: Callable[[Function], Path]
) -> None:
    loading = "import time\nprint('loading')\ntime.sleep(60)\n"
    function = made(tmp_path, "python3-http", handler__py=loading)
    server = run_program(python(function, laid_out(function)))
    server.wait_for("loading")
    server.terminate()
    assert server.process.wait(timeout=5) == 0


def test_who_does_not_take_the_answer_is_given_up(function: Function, launch: Start) -> None:
    server = launch(function, DRAIN_SECONDS="0", write_timeout="300ms", MAX_BODY_BYTES="20000000")

    async def stall() -> None:
        silent = await Client.connect(server.port)
        silent._writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_RCVBUF, 4096
        )
        await silent.send(post("/", b"b'x' * 50_000_000"))
        await asyncio.to_thread(server.wait_for, "The client took longer than 0.3 s")
        assert (await exchange(server.port, post("/body", b"hello"))).code == 200
        await silent.close()

    asyncio.run(asyncio.wait_for(stall(), 30))


# A template of one's own


def test_ones_own_template_adds_to_another(tmp_path: Path, launch: Start) -> None:
    own = tmp_path / "templates/python3-greeting"
    write(own / "template.yml", "language: python3-greeting\nextends: python3-http\n")
    write(own / "server/main.py", GREETING_MAIN)
    handler = "def handle(event, context):\n    return f'Hello, {event.name}!'\n"
    server = launch(made(tmp_path, "python3-greeting", handler__py=handler))
    assert ask(server.port, request("GET", "/?name=Ada")).body == b"Hello, Ada!"
    assert ask(server.port, post("/", b"x" * 101)).code == 413


GREETING_MAIN = """
from faas.events import Event
from faas.service import run

class Greeting(Event):
    @property
    def name(self):
        return self.query.get("name", "world")

run(Greeting.read, MAX_BODY_BYTES="100")
"""


# Handlers and settings that cannot be used


@pytest.mark.parametrize(
    ("handler", "said"),
    [
        ("import nothing\n", "handler.py, line 1: ModuleNotFoundError: No module named 'nothing'"),
        ("\n\nx = y\n", "handler.py, line 3: NameError: name 'y' is not defined"),
        ("raise SystemExit(0)\n", "handler.py, line 1: SystemExit: 0"),
        ("import os\nos.handle\n", "handler.py, line 2: AttributeError: module 'os'"),
        ("def handler(event, context): ...\n", "handler.py has no function handle(event, context)"),
        ("def handle(event): ...\n", "cannot be called as handle(event, context)"),
        ("handle = 1\n", "cannot be called as handle(event, context)"),
    ],
)
def test_a_handler_that_cannot_be_loaded_ends_it_with_one_clear_line(
    tmp_path: Path,
    run_program: Callable[[Program], Server],
    laid_out: Callable[[Function], Path],
    handler: str,
    said: str,
) -> None:
    function = made(tmp_path, "python3-http", handler__py=handler)
    server = run_program(python(function, laid_out(function)))
    assert server.process.wait(timeout=20) == 1
    last = server.log.read_text().splitlines()[-1]
    assert last.startswith("The function cannot start: ")
    assert said in last


def test_a_function_without_a_handler_is_told_so(
    tmp_path: Path, run_program: Callable[[Program], Server], laid_out: Callable[[Function], Path]
) -> None:
    function = made(tmp_path, "python3-http", main__py="")
    server = run_program(python(function, laid_out(function)))
    assert server.process.wait(timeout=20) == 1
    assert "No module named 'function.handler'" in server.log.read_text().splitlines()[-1]


def test_a_handler_that_is_not_python_is_told_when_it_is_built(tmp_path: Path) -> None:
    function = made(tmp_path, "python3-http", handler__py="def handle(event, context)\n    ...\n")
    (tmp_path / "context").mkdir()
    with pytest.raises(CommandError) as refused:
        function.lay_out(tmp_path / "context")
    assert '/opt/function/handler.py", line 1' in refused.value.seen
    assert "SyntaxError" in refused.value.seen


@pytest.mark.parametrize(
    ("variable", "value"),
    [("exec_timeout", "-1s"), ("read_timeout", "soon"), ("PORT", "http"), ("MAX_BODY_BYTES", "-1")],
)
def test_a_setting_that_cannot_be_used_is_named(
    tmp_path: Path,
    run_program: Callable[..., Server],
    laid_out: Callable[[Function], Path],
    variable: str,
    value: str,
) -> None:
    function = made(tmp_path, "python3-http", handler__py="def handle(event, context): ...\n")
    server = run_program(python(function, laid_out(function)), **{variable: value})
    assert server.process.wait(timeout=20) == 1
    assert f"{variable}: {value!r} is no" in server.log.read_text()
