"""images/nats, as the component sets it up: who may do what"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress

import pytest
from nats.aio.client import Client
from nats.errors import Error, NoRespondersError
from nats.errors import TimeoutError as NatsTimeout
from nats.js.api import StreamConfig

from .nats import Nats


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats]:
    started = Nats(tmp_path_factory.mktemp("nats")).start()
    yield started
    started.end()


def test_nobody_gets_in_without_the_password(server: Nats) -> None:
    async def guess(**said: str) -> None:
        client = Client()
        try:
            await client.connect(
                f"nats://127.0.0.1:{server.port}", allow_reconnect=False, error_cb=quiet, **said
            )
        finally:
            await client.close()

    for said in ({}, {"user": "admin", "password": "guessed"}, {"user": "x", "password": "of-x"}):
        with pytest.raises(Error):
            asyncio.run(guess(**said))


async def quiet(_: Exception) -> None:
    """What is refused is told to this, besides."""


def refusals(
    server: Nats, user: str, publish: str, subscribe: str, *, patience: float
) -> list[str]:
    """What the server says to a user's try, within some seconds."""

    async def attempt() -> list[str]:
        said: list[str] = []
        refused = asyncio.Event()

        async def told(failed: Exception) -> None:
            said.append(str(failed).lower())
            refused.set()

        client = await server.client(user, error_cb=told)
        if publish:
            await client.publish(publish, b"x")
        if subscribe:
            await client.subscribe(subscribe)
        await client.flush()
        with suppress(TimeoutError):
            await asyncio.wait_for(refused.wait(), patience)
        await client.close()
        return said

    return asyncio.run(attempt())


@pytest.mark.parametrize(
    ("user", "publish", "subscribe"),
    [
        ("functions", "$JS.API.STREAM.LIST", ""),
        ("functions", "dead.a.b", ""),
        ("functions", "", "orders"),
        ("minio", "orders.new", ""),
        ("minio", "", "minio"),
        ("connector", "orders", ""),
        ("connector", "", "$SYS.>"),
        ("bus", "dead.a.b", ""),
        ("bus", "", "handed-on.x"),
    ],
)
def test_a_user_may_not_do_what_it_need_not(
    server: Nats, user: str, publish: str, subscribe: str
) -> None:
    (said,) = refusals(server, user, publish, subscribe, patience=5)
    assert "permissions violation" in said


@pytest.mark.parametrize(
    ("user", "publish", "subscribe"),
    [
        ("functions", "orders.new", ""),
        ("minio", "ann-minio", ""),
        ("connector", "dead.a.b", "orders.>"),
        ("bus", "anything.at.all", "anything.>"),
        ("admin", "dead.a.b", ">"),
    ],
)
def test_a_user_may_do_what_it_has_to(
    server: Nats, user: str, publish: str, subscribe: str
) -> None:
    assert refusals(server, user, publish, subscribe, patience=0.2) == []


def test_functions_hear_whether_a_message_is_kept(server: Nats) -> None:
    async def make(admin: Client) -> None:
        await admin.jetstream().add_stream(StreamConfig(name="kept", subjects=["kept.>"]))

    async def store(client: Client) -> int:
        return (await client.jetstream().publish("kept.here", b"x")).seq

    server.do(make)
    assert server.do(store, "functions") == 1
    with pytest.raises((NoRespondersError, NatsTimeout, Error)):
        server.do(lambda client: client.jetstream().publish("elsewhere", b"x"), "functions")
