"""functions/templates/node and functions/hello-node: what is particular to Node.js"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from lab_helpers import functions
from lab_helpers.functions import Function

from .conftest import Server, Start, entered
from .http import Answer, ask, exchange, request
from .made import made

JSON = "Content-Type: application/json"
HANDLER = """
const shown = (value) => Buffer.isBuffer(value) ? `Buffer ${value.toString('hex')}` : value;

module.exports = (event, context, callback) => {
  switch (event.path) {
    case '/body': return Promise.resolve({ body: shown(event.body), raw: shown(event.raw) });
    case '/query': return Promise.resolve({ ...event.query });
    case '/text': return Promise.resolve('a text');
    case '/undefined': return Promise.resolve();
    case '/list': return Promise.resolve([1, 2]);
    case '/callback': setTimeout(() => callback(undefined, { by: 'callback' }), 10); break;
    case '/later': setTimeout(() => context.status(202).succeed('later'), 10); break;
    case '/refuse': context.status(409).fail('told'); break;
    case '/fail': context.fail('told as well'); break;
    case '/error': callback(new Error('the inside')); break;
    case '/throw': throw new Error('the inside');
    case '/cookies': context.headers({ 'set-cookie': ['a=1', 'b=2'] }).succeed(''); break;
    default: context.succeed(String(context.status()));
  }
};
"""


@pytest.fixture(scope="module")
def server(launch: Start, tmp_path_factory: pytest.TempPathFactory) -> Server:
    function = made(tmp_path_factory.mktemp("functions"), "node", handler__js=HANDLER)
    return launch(function, DRAIN_SECONDS="0")


def post(server: Server, path: str, body: bytes = b"", *headers: str) -> Answer:
    return ask(server.port, request("POST", path, body, *headers))


@pytest.fixture(scope="module")
def hello(launch: Start) -> Server:
    return launch(functions.find("hello-node"), DRAIN_SECONDS="0")


@pytest.mark.parametrize("header", [JSON, "Content-Type: text/plain", "X-None: x"])
def test_hello_says_what_it_received(hello: Server, header: str) -> None:
    answer = post(hello, "/", '{"name": "Ada", "ü": [1, null]}'.encode(), header)
    assert answer.code == 200
    assert answer.json == {"status": 'Received input: {"name":"Ada","ü":[1,null]}'}


@pytest.mark.parametrize("header", [JSON, "X-None: x"])
@pytest.mark.parametrize("body", [b"", b"{", b"hello", b"\xff\xfe"])
def test_hello_refuses_what_is_not_json(hello: Server, body: bytes, header: str) -> None:
    answer = post(hello, "/", body, header)
    assert answer.code == 400
    assert "not JSON" in answer.error


@pytest.mark.parametrize(
    ("body", "type_", "seen"),
    [
        (b'{"a": 1}', "application/json", {"a": 1}),
        (b'"a"', "application/problem+json; charset=utf-8", "a"),
        (b"", "application/json", {}),
        (b'{"a": 1}', "text/plain", '{"a": 1}'),
        (b"a=1&b=2", "application/x-www-form-urlencoded", "a=1&b=2"),
        (b"\xff\x00", "application/octet-stream", "Buffer ff00"),
    ],
)
def test_the_body_is_what_its_type_says(
    server: Server, body: bytes, type_: str, seen: object
) -> None:
    answer = post(server, "/body", body, f"Content-Type: {type_}")
    assert answer.json == {"body": seen, "raw": f"Buffer {body.hex()}"}


def test_a_body_without_a_type_is_text(server: Server) -> None:
    assert post(server, "/body", b"[1]").json["body"] == "[1]"


def test_json_that_is_none_is_the_callers_fault(server: Server) -> None:
    answer = post(server, "/body", b"{1}", JSON)
    assert answer.code == 400
    assert "the body is not JSON" in answer.error


def test_every_body_is_as_it_came_where_that_is_asked_for(
    launch: Start, tmp_path_factory: pytest.TempPathFactory
) -> None:
    function = made(tmp_path_factory.mktemp("functions"), "node", handler__js=HANDLER)
    server = launch(function, RAW_BODY="true")
    assert post(server, "/body", b"{1}", JSON).json["body"] == "Buffer 7b317d"


def test_a_parameter_that_is_given_twice_is_a_list(server: Server) -> None:
    assert post(server, "/query?a=1&a=2&b=%20&__proto__=c").json == {
        "a": ["1", "2"], "b": " ", "__proto__": "c",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "code", "body"),
    [
        ("/text", 200, b"a text"),
        ("/undefined", 200, b""),
        ("/list", 200, b"[1,2]"),
        ("/callback", 200, b'{"by":"callback"}'),
        ("/later", 202, b"later"),
        ("/refuse", 409, b'{"error":"told"}'),
        ("/fail", 500, b'{"error":"told as well"}'),
        ("/error", 500, b'{"error":"the function failed"}'),
        ("/throw", 500, b'{"error":"the function failed"}'),
        ("/", 200, b"200"),
    ],
)
def test_there_are_several_ways_to_answer(
    server: Server, path: str, code: int, body: bytes
) -> None:
    answer = post(server, path)
    assert (answer.code, answer.body) == (code, body)
    is_json = body.startswith((b"{", b"["))
    assert answer.headers["content-type"].startswith(
        "application/json" if is_json else "text/plain"
    )


def test_what_is_not_http_is_refused_in_json(server: Server) -> None:
    answer = ask(server.port, b"hello there\r\n\r\n")
    assert (answer.code, answer.error, answer.closes) == (400, "Bad Request", True)


def test_who_asks_before_sending_too_much_need_not_send_it(server: Server) -> None:
    head = request("POST", "/", b"", "Content-Length: 1048577", "Expect: 100-continue")
    assert ask(server.port, head).code == 413


def test_a_handler_may_be_a_module(launch: Start, tmp_path: Path) -> None:
    text = "import './other.mjs';\nexport default async () => ({ a: 1 });\n"
    function = made(tmp_path, "node", handler__mjs=text, other__mjs="export {};\n")
    assert post(launch(function), "/").json == {"a": 1}


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"handler__js": "require('nothing-like-this');\n"}, "Cannot find module"),
        ({"handler__js": "exports.handle = () => 1;\n"}, "handler.js exports no function"),
        ({"other__js": "\n"}, "there is no handler.js"),
    ],
)
def test_what_cannot_be_loaded_ends_it_at_once(
    files: dict[str, str], why: str, tmp_path: Path, laid_out: Callable[[Function], Path],
    run_program: Callable[..., Server],
) -> None:  # fmt: skip
    function = made(tmp_path, "node", **files)
    server = run_program(entered(function, laid_out(function)))
    assert server.process.wait(timeout=20) == 1
    assert why in server.wait_for("the function cannot start: ")


def test_it_fits_into_its_memory_while_many_send_much(
    run_program: Callable[..., Server], laid_out: Callable[[Function], Path]
) -> None:
    """Node.js is told in MB what it takes for its share of 128 MiB."""
    function = functions.find("hello-node")
    program = entered(function, laid_out(function))
    share = {"--max-old-space-size-percentage=25": "--max-old-space-size=32"}
    argv = [share.pop(word, word) for word in program.argv]
    assert not share
    server = run_program(program._replace(argv=argv))
    port = int(server.wait_for("0.0.0.0:"))
    data = request("POST", "/", b'"%s"' % (b"x" * 1_000_000))

    async def load() -> set[int]:
        calls = (exchange(port, data) for _ in range(40))
        return {answer.code for answer in await asyncio.gather(*calls)}

    for _ in range(5):
        assert asyncio.run(load()) == {200}
    assert server.peak < 128 * 1024
