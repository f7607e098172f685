"""Serves an application over HTTP as a platform that starts and stops it at will expects.

It loses no request when it is told to end: for some seconds it goes on as before, while the
platform learns that it is leaving, but asks each client to connect anew; then it lets nobody in
and answers who is inside.
"""

from __future__ import annotations

import array
import asyncio
import logging
import resource
import signal
import socket
import struct
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]


def say(text: str) -> None:
    """Tell the log. Not by `logging`, which is the application's to set up, or to silence."""
    print(text + "\n", end="", flush=True)


class Refused(Exception):
    """A request that is not served.

    :param code: the status that is answered.
    :param reason: in words, where the status does not say it.
    """

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


@dataclass
class Service:
    """What is served, and how.

    :ivar app: the application.
    :ivar refusal: the JSON body of a refusal.
    :ivar drain: seconds for which it goes on as before once it is told to end.
    :ivar last: seconds that what is under way gets after that.
    :ivar linger: seconds for which the rest of a body is dropped that nobody wants.
    :ivar headers: what every answer has.
    :ivar log_requests: whether uvicorn logs each of them.
    :ivar leaving: whether it was told to end.
    """

    app: Application
    refusal: Callable[[Refused], bytes]
    drain: float = 1.0
    last: float = 20.0
    linger: float = 10.0
    headers: Sequence[tuple[str, str]] = ()
    log_requests: bool = False
    leaving: bool = field(default=False, init=False)

    def run(self, port: int) -> None:
        """Serve until SIGTERM, then end with exit code 0."""
        logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
        # What it says of its own start and end is for somebody at a terminal.
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
        _allow_many_connections()
        # uvicorn drains, then sends itself the signal once more.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        protocol = type("Protocol", (Protocol,), {"service": self})
        config = uvicorn.Config(
            self, host="0.0.0.0", port=port, loop="asyncio", http=protocol, ws="none",  # noqa: S104
            lifespan="off", log_config=None, access_log=self.log_requests,
            headers=list(self.headers), server_header=False, timeout_keep_alive=60, backlog=4096,
            timeout_graceful_shutdown=int(self.last) + 1,
        )  # fmt: skip
        Server(config, self).run()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """The application, or a refusal."""
        try:
            await self.app(scope, receive, send)
        except Refused as refused:
            await self._refuse(refused, scope, receive, send)

    async def _refuse(self, why: Refused, scope: Message, receive: Receive, send: Send) -> None:
        """Answer at once, and drop what the client still sends.

        A connection that is closed with something unread is reset, and a client that is still
        sending then never sees the answer.
        """
        headers, body = self.content(why)
        await send({"type": "http.response.start", "status": why.code, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": True})
        asked_first = dict(scope["headers"]).get(b"expect", b"").lower() == b"100-continue"
        with suppress(TimeoutError):
            async with asyncio.timeout(0 if asked_first else self.linger):
                while (await receive()).get("more_body", False):
                    pass
        await send({"type": "http.response.body"})

    def content(self, why: Refused) -> tuple[list[tuple[bytes, bytes]], bytes]:
        """Headers and body of a refusal."""
        body = self.refusal(why)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        return headers, body


async def chunks(scope: Message, receive: Receive, most: int) -> AsyncIterator[bytes]:
    """The body as it comes.

    :param most: bytes that it may have.
    :raises Refused: it has more, or says so, or the client is gone.
    """
    seen, more = 0, True
    if int(dict(scope["headers"]).get(b"content-length", 0)) > most:
        raise Refused(413)
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "the request ended early")
        chunk = message.get("body", b"")
        more = message.get("more_body", False)
        seen += len(chunk)
        if seen > most:
            raise Refused(413)
        yield chunk


async def whole(scope: Message, receive: Receive, most: int) -> bytes:
    """The body, of so many bytes at most."""
    return b"".join([chunk async for chunk in chunks(scope, receive, most)])


def _allow_many_connections() -> None:
    """Each connection is an open file, and the usual limit is 1,024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Server(uvicorn.Server):
    """uvicorn's server, which would reset connections that it has not read from yet."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        host, port = self.servers[0].sockets[0].getsockname()
        say(f"Serving on http://{host}:{port}")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        say(f"Draining: no new connections in {self._service.drain:g} s")
        self._service.leaving = True
        self.server_state.default_headers.append((b"connection", b"close"))
        await asyncio.sleep(self._service.drain)
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

    service: Service

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
            headers, body = self.service.content(Refused(400))
            for event in (
                h11.Response(status_code=400, headers=headers), h11.Data(body), h11.EndOfMessage(),
            ):  # fmt: skip
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
