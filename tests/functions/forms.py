"""Forms with files, as browsers send them, without ever having one whole in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from .http import Answer, Client, request

BOUNDARY = "a-line-that-is-in-no-file"
PIECE = 65_536


class Part(NamedTuple):
    """A field or a file of a form."""

    disposition: str
    content: bytes | int
    """Its bytes, or a number of zeros."""
    kind: str = ""

    @property
    def head(self) -> bytes:
        kind = f"Content-Type: {self.kind}\r\n" if self.kind else ""
        return f"Content-Disposition: form-data; {self.disposition}\r\n{kind}\r\n".encode()

    @property
    def size(self) -> int:
        return self.content if isinstance(self.content, int) else len(self.content)

    def pieces(self) -> Iterator[bytes]:
        if isinstance(self.content, bytes):
            yield self.content
            return
        for at in range(0, self.content, PIECE):
            yield bytes(min(PIECE, self.content - at))


def field(name: str, text: str) -> Part:
    return Part(f'name="{name}"', text.encode())


def file(name: str, filename: str, content: bytes | int, kind: str = "text/plain") -> Part:
    return Part(f'name="{name}"; filename="{filename}"', content, kind)


def upload(port: int, *parts: Part, path: str = "/") -> Answer:
    return asyncio.run(send(port, parts, path=path))


async def send(port: int, parts: Iterable[Part], *, path: str = "/") -> Answer:
    """The answer to a form."""
    parts = list(parts)
    around = len(f"--{BOUNDARY}\r\n") + len(b"\r\n")
    end = f"--{BOUNDARY}--\r\n".encode()
    length = sum(around + len(part.head) + part.size for part in parts) + len(end)
    kind = f"Content-Type: multipart/form-data; boundary={BOUNDARY}"
    client = await Client.connect(port)
    await client.send(request("POST", path, b"", f"Content-Length: {length}", kind))
    for part in parts:
        await client.send(f"--{BOUNDARY}\r\n".encode() + part.head)
        for piece in part.pieces():
            await client.send(piece)
        await client.send(b"\r\n")
    await client.send(end)
    answer = await client.answer()
    await client.close()
    return answer
