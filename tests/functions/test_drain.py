"""functions/users-api: nothing is lost when it is told to end"""

from __future__ import annotations

import asyncio
from collections import Counter

from lab_helpers._config import environment
from lab_helpers._exec import run

from .conftest import Program, Start
from .http import GET, Client, exchange, request, until_gone


def test_it_ends_at_once_when_it_has_nothing_to_do(start: Start) -> None:
    idle = start(DRAIN_SECONDS="0")
    idle.terminate()
    assert idle.process.wait(timeout=5) == 0


def test_under_load_every_request_that_was_let_in_is_answered(start: Start) -> None:
    server = start(DRAIN_SECONDS="0.5")
    seen: Counter[str] = Counter()

    async def run() -> None:
        clients = [
            until_gone(server.port, GET, seen, reuse=number % 2 == 0) for number in range(100)
        ]
        load = asyncio.gather(*clients)
        while seen["200"] < 1000 and not load.done():
            await exchange(server.port)
        server.terminate()
        # Whatever is cut off or reset raises here.
        await load

    asyncio.run(asyncio.wait_for(run(), 60))
    assert set(seen) == {"200"}
    assert server.process.wait(timeout=10) == 0


def test_clients_are_asked_to_connect_anew_before_it_stops_listening(start: Start) -> None:
    server = start(DRAIN_SECONDS="3")

    async def run() -> None:
        old = await Client.connect(server.port)
        await old.send(GET)
        assert not (await old.answer()).closes
        server.terminate()
        server.wait_for("Draining")
        assert (await exchange(server.port)).closes
        await old.send(GET)
        assert (await old.answer()).closes
        assert await old.rest() == b""
        await old.close()

    asyncio.run(run())
    assert server.process.wait(timeout=10) == 0


def test_a_request_under_way_is_answered(start: Start) -> None:
    server = start(DRAIN_SECONDS="0")

    async def run() -> None:
        half = await Client.connect(server.port)
        silent = await Client.connect(server.port)
        await half.send(request("GET", "/users", b"half of it", "X: y")[:-4])
        server.terminate()
        server.wait_for("Draining")
        await silent.send(GET)
        assert (await silent.answer()).code == 200
        await half.send(b"f it")
        assert (await half.answer()).code == 200
        await half.close()
        await silent.close()

    asyncio.run(run())
    assert server.process.wait(timeout=10) == 0


def test_who_never_finishes_asking_does_not_keep_it(start: Start) -> None:
    server = start(DRAIN_SECONDS="0", BODY_SECONDS="1")

    async def run() -> None:
        half = await Client.connect(server.port)
        await half.send(request("POST", "/users", b"body")[:-2])
        server.terminate()
        assert (await half.answer()).is_refusal(408)
        await half.close()

    asyncio.run(run())
    assert server.process.wait(timeout=10) == 0


TURN_AWAY = """
import socket
from graceful import turn_away

listener = socket.create_server(("127.0.0.1", 0))
early = socket.create_connection(listener.getsockname())
turn_away(listener)
late = socket.socket()
late.settimeout(0.2)
try:
    late.connect(listener.getsockname())
except TimeoutError:
    print("kept out")
connection, _ = listener.accept()
listener.close()
early.sendall(b"hello")
print(connection.recv(5).decode())
"""


def test_who_comes_too_late_is_never_let_in_only_to_be_reset(users_api: Program) -> None:
    """The load above hits the moment between the last accept and the close too seldom."""
    program = [*users_api.argv[:-1], "-c", TURN_AWAY]
    assert run(program, env=environment(**users_api.variables)) == "kept out\nhello\n"
