"""HTTP by hand: what is sent and what comes back, to the byte."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

GET = b"GET /users HTTP/1.1\r\nHost: x\r\n\r\n"


@dataclass(frozen=True)
class Answer:
    """One response."""

    code: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        assert self.headers["content-type"] == "application/json"
        return json.loads(self.body)

    @property
    def closes(self) -> bool:
        return self.headers.get("connection") == "close"

    @property
    def error(self) -> str:
        """What is wrong, as functions on OpenFaaS say it, which is all that they say."""
        assert set(self.json) == {"error"}
        assert b"Traceback" not in self.body
        return self.json["error"]

    def is_refusal(self, code: int) -> bool:
        """Whether it refuses with this code, in the one shape, and tells nothing more."""
        assert set(self.json) == {"error", "code", "message"}
        assert b"Traceback" not in self.body
        return (self.code, self.json["code"], self.json["error"]) == (code, code, True)


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def connect(cls, port: int) -> Client:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def send(self, data: bytes, *, last: bool = False) -> None:
        self._writer.write(data)
        await self._writer.drain()
        if last:
            self._writer.write_eof()

    async def answer(self, *, head: bool = False) -> Answer:
        """The next response.

        :raises IncompleteReadError: the connection ended before it was whole.
        """
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        pairs = [line.partition(": ") for line in lines[1:-1]]
        headers = {name.lower(): value for name, _, value in pairs}
        code = int(lines[0].split()[1])
        length = 0 if head or code == 204 else int(headers["content-length"])
        return Answer(code, headers, await self._reader.readexactly(length))

    async def rest(self) -> bytes:
        """All that still comes until the server closes."""
        return await self._reader.read()

    async def close(self) -> None:
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except ConnectionError:
            return


async def exchange(port: int, request: bytes = GET, *, last: bool = False) -> Answer:
    """One request on a connection of its own."""
    client = await Client.connect(port)
    try:
        await client.send(request, last=last)
        return await client.answer(head=request.startswith(b"HEAD"))
    finally:
        await client.close()


def ask(port: int, request: bytes = GET) -> Answer:
    return asyncio.run(exchange(port, request))


def request(method: str, path: str, body: bytes = b"", *headers: str) -> bytes:
    length = [f"Content-Length: {len(body)}"] if body else []
    lines = [f"{method} {path} HTTP/1.1", "Host: x", *length, *headers, "", ""]
    return "\r\n".join(lines).encode() + body


async def until_gone(port: int, data: bytes, seen: Counter[str], *, reuse: bool) -> None:
    """Ask over and over, until the server lets nobody in any more.

    Whatever is cut off or reset raises.

    :param seen: gets the codes that are answered.
    :param reuse: whether a connection is used again, as long as the server wants that.
    """
    while True:
        try:
            client = await Client.connect(port)
        except ConnectionRefusedError:
            return
        again = True
        while again:
            await client.send(data)
            answer = await client.answer()
            seen[str(answer.code)] += 1
            again = reuse and not answer.closes
        await client.close()
