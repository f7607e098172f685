"""functions/users-api: what it answers, to whomever asks"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from .conftest import Server, Start
from .http import GET, Client, ask, exchange, request

LIMIT = 1_048_576
CHUNKED = "Transfer-Encoding: chunked"


def test_the_users_are_answered_in_the_agreed_shape(server: Server) -> None:
    answer = ask(server.port)
    assert answer.code == 200
    assert set(answer.json) == {"error", "code", "message", "data"}
    assert (answer.json["error"], answer.json["code"]) == (False, 200)
    assert [user["id"] for user in answer.json["data"]] == [1, 2, 3]


def test_a_query_and_a_body_change_nothing(server: Server) -> None:
    assert ask(server.port, request("GET", "/users?page=2", b"[" * 9000)).json["code"] == 200


@pytest.mark.parametrize(
    "path", ["/", "/users/", "/users/1", "//users", "/Users", "/users%2F", "/%00", "/../users"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_path_is_not_there(server: Server, method: str, path: str) -> None:
    assert ask(server.port, request(method, path)).is_refusal(404)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"])
def test_another_method_is_told_which_ones_there_are(server: Server, method: str) -> None:
    answer = ask(server.port, request(method, "/users"))
    assert answer.is_refusal(405)
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}


def test_head_is_get_without_a_body(server: Server) -> None:
    answer = ask(server.port, request("HEAD", "/users"))
    assert (answer.code, answer.headers["content-type"]) == (200, "application/json")


def test_the_longest_body_is_read_and_a_longer_one_refused(server: Server) -> None:
    assert ask(server.port, request("GET", "/users", b"x" * LIMIT)).code == 200
    assert ask(server.port, request("GET", "/users", b"x" * (LIMIT + 1))).is_refusal(413)
    assert ask(server.port, request("POST", "/", b"x" * (9 * LIMIT))).is_refusal(413)


def test_a_body_of_untold_length_is_refused_as_well(server: Server) -> None:
    piece = b"%x\r\n%s\r\n" % (LIMIT, b"x" * LIMIT)
    head = request("POST", "/users", b"", CHUNKED)
    assert ask(server.port, head + piece + b"1\r\nx\r\n0\r\n\r\n").is_refusal(413)
    assert ask(server.port, head + piece + b"0\r\n\r\n").is_refusal(405)


def test_who_asks_before_sending_too_much_need_not_send_it(server: Server) -> None:
    head = request("POST", "/users", b"", f"Content-Length: {LIMIT + 1}", "Expect: 100-continue")
    assert ask(server.port, head).is_refusal(413)


NOT_HTTP = {
    "words": b"hello there\r\n\r\n",
    "zeros": bytes(4096),
    "TLS": bytes.fromhex("1603010200010001fc0303") + bytes(range(256)) * 2,
    "no host": b"GET /users HTTP/1.1\r\n\r\n",
    "two lengths": request("POST", "/users", b"", "Content-Length: 1", "Content-Length: 2"),
    "length and chunks": request("POST", "/", b"", "Content-Length: -1"),
    "bad chunk": request("POST", "/users", b"", CHUNKED) + b"nine\r\n123456789\r\n0\r\n\r\n",
    "endless header": b"GET /users HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 80_000,
    "endless path": b"GET /" + b"a" * 80_000,
    "line feed in a name": b"GET /users HTTP/1.1\r\nHost: x\r\nA\nB: 1\r\n\r\n",
    "bytes in the path": b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("data", NOT_HTTP.values(), ids=NOT_HTTP.keys())
def test_what_is_not_http_is_a_bad_request(server: Server, data: bytes) -> None:
    answer = ask(server.port, data)
    assert answer.is_refusal(400)
    assert answer.closes
    assert ask(server.port).code == 200


@hypothesis_settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.sampled_from([b"", GET[:-2], GET, GET[:12]]), st.binary(max_size=200))
def test_no_bytes_make_it_fail(server: Server, start: bytes, noise: bytes) -> None:
    """Whatever comes, the answers are 200 or the client's fault, and the connection ends."""

    async def send() -> bytes:
        client = await Client.connect(server.port)
        await client.send(start + noise, last=True)
        try:
            return await client.rest()
        except ConnectionResetError:
            return b""
        finally:
            await client.close()

    received = asyncio.run(asyncio.wait_for(send(), 10))
    assert b"HTTP/1.1 5" not in received
    assert start != GET or received.startswith(b"HTTP/1.1 200")
    assert "Traceback" not in server.log.read_text()


def test_a_client_that_is_done_talking_still_gets_its_answer(server: Server) -> None:
    assert asyncio.run(exchange(server.port, last=True)).code == 200


def test_requests_may_follow_each_other_without_waiting(server: Server) -> None:
    async def talk() -> list[int]:
        client = await Client.connect(server.port)
        await client.send(GET + request("GET", "/x") + request("POST", "/users", b"abc") + GET)
        codes = [(await client.answer()).code for _ in range(4)]
        await client.close()
        return codes

    assert asyncio.run(talk()) == [200, 404, 405, 200]


def test_a_thousand_clients_are_served_at_once(server: Server) -> None:
    async def crowd() -> list[int]:
        clients = await asyncio.gather(*(Client.connect(server.port) for _ in range(1000)))
        codes = []
        for _ in range(3):
            await asyncio.gather(*(client.send(GET) for client in clients))
            answers = await asyncio.gather(*(client.answer() for client in clients))
            codes += [answer.code for answer in answers]
        await asyncio.gather(*(client.close() for client in clients))
        return codes

    assert asyncio.run(crowd()) == [200] * 3000
    # A Pod with a limit of 128 MiB survives them.
    assert server.resident < 100_000


def test_two_revisions_can_be_told_apart(start: Start) -> None:
    green = ask(start(RELEASE="green", USERS_MESSAGE="Hello", K_REVISION="users-00002").port)
    assert green.json["message"] == "Hello"
    assert green.headers["x-revision"] == "users-00002"
    assert green.headers["x-release"] == "green"
    assert ask(start(RELEASE="blue").port).headers["x-revision"] == "blue"


def test_an_error_of_its_own_tells_nothing_about_the_inside(start: Start, tmp_path: Path) -> None:
    program = tmp_path / "broken.py"
    program.write_text(
        "from app import app\n"
        "from server import serve\n"
        "async def broken(request):\n"
        "    raise ValueError('the inside')\n"
        "app.router.add_route('/broken', broken)\n"
        "serve(app)\n"
    )
    answer = ask(start(program).port, request("GET", "/broken"))
    assert answer.is_refusal(500)
    assert b"inside" not in answer.body
