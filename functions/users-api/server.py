"""Serves an application over HTTP as a platform that starts and stops it at will expects.

It listens on PORT, reads a body no further than MAX_BODY_BYTES, and loses no request when it is
told to end: for DRAIN_SECONDS it goes on as before, while the platform learns that it is leaving,
but asks each client to connect anew; then it lets nobody in and answers who is inside.
"""

from __future__ import annotations

import array
import asyncio
import json
import logging
import os
import resource
import signal
import socket
import struct
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

MAX_BODY_BYTES = int(os.environ.get("MAX_BODY_BYTES", "1048576"))
DRAIN_SECONDS = float(os.environ.get("DRAIN_SECONDS", "1"))
BODY_SECONDS = float(os.environ.get("BODY_SECONDS", "10"))
"""Within these a body has to arrive."""
LAST_SECONDS = 10.0
"""What is under way when the server ends gets these."""


def serve(app: Application) -> None:
    """Serve until SIGTERM, then end with exit code 0."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    _allow_many_connections()
    # uvicorn drains, then sends itself the signal once more.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    config = uvicorn.Config(
        limited(app), host="0.0.0.0", port=int(os.environ.get("PORT", "8080")),  # noqa: S104
        loop="asyncio", http=Protocol, ws="none", lifespan="off", log_config=None,
        headers=identity(), server_header=False, timeout_keep_alive=60, backlog=4096,
        timeout_graceful_shutdown=int(LAST_SECONDS + BODY_SECONDS),
    )  # fmt: skip
    Server(config).run()


def identity() -> list[tuple[str, str]]:
    """Which revision answers: Knative says so, or whoever deployed it."""
    release = os.environ.get("RELEASE")
    revision = os.environ.get("K_REVISION") or release or "local"
    return [("x-revision", revision), *([("x-release", release)] if release else [])]


def _allow_many_connections() -> None:
    """Each connection is an open file, and the usual limit is 1,024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Server(uvicorn.Server):
    """uvicorn's server, which would reset connections that it has not read from yet."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        logging.info("Draining: no new connections in %g s", DRAIN_SECONDS)
        self.server_state.default_headers.append((b"connection", b"close"))
        await asyncio.sleep(DRAIN_SECONDS)
        for listener in [each for server in self.servers for each in server.sockets]:
            turn_away(listener)
        # Handshakes under way come to their end, and are accepted.
        await asyncio.sleep(0.1)
        for server in self.servers:
            server.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                while any(c.cycle is None for c in self.server_state.connections):
                    await asyncio.sleep(0.02)
        await super().shutdown(sockets)


def turn_away(listener: socket.socket) -> None:
    """Let the kernel drop new connections, so that none is accepted and then reset.

    A listening socket that is closed resets what nobody has accepted yet. This leaves nothing
    to reset. The client tries again within a second, here in vain, or where it is sent to then.
    """
    instructions = (
        (0x30, 0, 0, 13),  # load the TCP flags
        (0x45, 0, 1, 0x02),  # is SYN among them?
        (0x06, 0, 0, 0),  # then drop the packet
        (0x06, 0, 0, 0xFFFFFFFF),
    )
    program = array.array("B", b"".join(struct.pack("HBBI", *each) for each in instructions))
    address, _ = program.buffer_info()
    attach_filter = 26  # SO_ATTACH_FILTER, which Python has no name for
    with suppress(OSError):
        listener.setsockopt(
            socket.SOL_SOCKET, attach_filter, struct.pack("HP", len(instructions), address)
        )


class Protocol(H11Protocol):
    """uvicorn's, which waits for ever for a first request, and answers in text what is not one."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def eof_received(self) -> bool:
        """A client that has sent all it has to say still waits for the answer."""
        if self.cycle is None or self.cycle.response_complete or self.cycle.more_body:
            return False
        self.cycle.keep_alive = False
        return True

    def send_400_response(self, _: str) -> None:
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            for event in refusal(400):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def _content(code: int) -> tuple[list[tuple[bytes, bytes]], bytes]:
    message = HTTPStatus(code).phrase
    body = json.dumps({"error": True, "code": code, "message": message}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    return headers, body


def refusal(code: int) -> list[h11.Event]:
    headers, body = _content(code)
    return [h11.Response(status_code=code, headers=headers), h11.Data(body), h11.EndOfMessage()]


def limited(app: Application) -> Application:
    """The application, called once the request's body is there and no longer than allowed."""

    async def call(scope: Message, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await _read(scope, receive)
        except TimeoutError:
            await _refuse(send, 408)
            return
        if body is None:
            await _refuse(send, 413)
            return

        messages = [{"type": "http.request", "body": body, "more_body": False}]

        async def read() -> Message:
            return messages.pop() if messages else await receive()

        await app(scope, read, send)

    return call


async def _read(scope: Message, receive: Receive) -> bytes | None:
    """The body, or None where it is too long.

    Of a body that is too long some more is read and dropped: a client that is still sending
    when the connection closes never sees the answer.
    """
    headers = dict(scope["headers"])
    length = int(headers.get(b"content-length", 0))
    asks_first = headers.get(b"expect", b"").lower() == b"100-continue"
    patience = 16 * MAX_BODY_BYTES
    if length > (MAX_BODY_BYTES if asks_first else patience):
        return None
    body, seen, more = bytearray(), 0, True
    while more and seen <= patience:
        message = await receive()
        chunk = message.get("body", b"")
        seen += len(chunk)
        if seen <= MAX_BODY_BYTES:
            body += chunk
        more = message.get("more_body", False)
    return bytes(body) if seen <= MAX_BODY_BYTES else None


async def _refuse(send: Send, code: int) -> None:
    headers, body = _content(code)
    await send({"type": "http.response.start", "status": code, "headers": headers})
    await send({"type": "http.response.body", "body": body})
