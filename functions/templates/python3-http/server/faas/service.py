"""The server of a function: its health, its calls, its end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path

from .answers import Answer, answer, error
from .events import Context, Event
from .graceful import Message, Receive, Refused, Send, Service, say
from .handlers import Calls, Unusable, explained, load
from .settings import Settings, settings

Read = Callable[[Message, Receive, Settings], Awaitable[Event]]
_FOLDER = Path(__file__).parents[2] / "function"
"""The function's files are beside the template's."""
_PIECE = 65536
"""An answer is sent in pieces of so many bytes, each once the client has taken the last one."""


def run(read: Read, **defaults: str) -> None:
    """Load the handler and serve it until SIGTERM.

    :param read: makes the event of a request.
    :param defaults: settings that the template has in place of the usual ones.
    """
    # The first process of a container has to ask for the signal, or the kernel drops it.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    try:
        said = settings(defaults)
        calls = Calls(load(str(_FOLDER)))
    except (Unusable, ValueError) as wrong:
        # One line that a deployment can show; what led there comes before it.
        if wrong.__cause__:
            traceback.print_exception(wrong.__cause__, file=sys.stdout)
        say(f"The function cannot start: {wrong}")
        sys.exit(1)
    function = Function(read, calls, said)
    try:
        function.service.run(said.port)
    finally:
        if calls.hanging:
            # Python would wait for ever for a thread that hangs.
            os._exit(0)


class Function:
    """Answers health checks, and calls the handler for everything else."""

    def __init__(self, read: Read, calls: Calls, said: Settings) -> None:
        self._read, self._calls, self._settings = read, calls, said
        self._context = Context()
        linger = said.read or 60
        self.service = Service(
            self.app, refusal_body, drain=said.drain, last=said.last, linger=linger
        )

    async def app(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["path"] == "/_/health":
            await self._send(answer("OK"), send)
        elif scope["path"] == "/_/ready":
            leaving = self.service.leaving
            await self._send(error(503, "leaving") if leaving else answer("OK"), send)
        else:
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Message, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        status = 499  # the client went away
        try:
            event = await self._event(scope, receive)
            try:
                given = await self._called(event)
            finally:
                event.close()
            status = given.status
            await self._send(given, send)
        except Refused as refused:
            status = refused.code
            raise
        finally:
            milliseconds = 1000 * (time.perf_counter() - began)
            # Without the query, which may hold what is not for a log.
            path = scope["raw_path"].decode("ascii", "replace")
            say(f"{scope['method']} {path} {status} {milliseconds:.1f} ms")

    async def _event(self, scope: Message, receive: Receive) -> Event:
        try:
            async with asyncio.timeout(self._settings.read):
                return await self._read(scope, receive, self._settings)
        except TimeoutError:
            raise Refused(408, f"the body took longer than {self._settings.read:g} s") from None

    async def _called(self, event: Event) -> Answer:
        """What the handler answers, or what became of it: its caller learns no more than that."""
        limit = asyncio.timeout(self._settings.execute)
        try:
            async with limit:
                return answer(await self._calls(event, self._context))
        except Exception as wrong:
            if limit.expired():
                return error(504, f"the function took longer than {self._settings.execute:g} s")
            say(f"The function failed: {explained(wrong, str(_FOLDER))}")
            return error(500, "the function failed; its log says why")

    async def _send(self, given: Answer, send: Send) -> None:
        start = {"type": "http.response.start", "status": given.status, "headers": given.headers}
        try:
            async with asyncio.timeout(self._settings.write):
                await send(start)
                for at in range(0, len(given.body) or 1, _PIECE):
                    more = at + _PIECE < len(given.body)
                    piece = given.body[at : at + _PIECE]
                    await send({"type": "http.response.body", "body": piece, "more_body": more})
        except TimeoutError:
            say(f"The client took longer than {self._settings.write:g} s for the answer")


def refusal_body(refused: Refused) -> bytes:
    return json.dumps({"error": refused.reason or HTTPStatus(refused.code).phrase}).encode()
