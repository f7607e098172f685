"""Requests that bring files: kept on /tmp while they are served, not in memory."""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import IO, ClassVar, Self

from python_multipart.exceptions import FormParserError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from .events import Event, parts
from .graceful import Message, Receive, Refused, chunks, whole
from .settings import Settings

IN_MEMORY = 1024 * 1024
"""Bytes of a body that is no form."""
_FORM = {"max_files": 32, "max_fields": 32, "max_part_size": 64 * 1024}
"""What a form may have; the last is for one field, in bytes."""


ROOM = 180 * 1024 * 1024
"""Bytes of all uploads under way. A pod whose /tmp outgrows its limit, 200 Mi, is ended."""


@dataclass
class _Held:
    """The part of :data:`ROOM` that one upload takes, until it is closed."""

    size: int = 0
    total: ClassVar[int] = 0

    async def counted(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for chunk in body:
            self.size += len(chunk)
            _Held.total += len(chunk)
            if _Held.total > ROOM:
                raise Refused(503, "there are too many uploads under way")
            yield chunk

    def close(self) -> None:
        _Held.total -= self.size
        self.size = 0


@dataclass(frozen=True)
class File:
    """An uploaded file.

    :ivar name: the name of its field in the form.
    :ivar filename: its name where it comes from. It is the caller's word: never open it as such.
    :ivar content_type: what the caller says it is.
    :ivar size: in bytes.
    :ivar file: its content, open for reading, until the handler returns.
    """

    name: str
    filename: str
    content_type: str
    size: int
    file: IO[bytes]


@dataclass
class Upload(Event):
    """A request with files.

    :ivar files: the files of a form, in their order.
    :ivar form: its other fields. Of several with one name it is the last.
    :ivar body: empty where the request is a form.
    """

    files: list[File] = field(default_factory=list)
    form: Mapping[str, str] = field(default_factory=dict)
    _held: _Held = field(default_factory=_Held, repr=False)

    @classmethod
    async def read(cls, scope: Message, receive: Receive, settings: Settings) -> Self:
        """The event of a request, its files read to /tmp.

        :raises Refused: it is too long, no proper form, or there is no room for it.
        """
        event = cls(body=b"", **parts(scope))
        if not event.headers.get("content-type", "").lower().startswith("multipart/form-data"):
            event.body = await whole(scope, receive, min(IN_MEMORY, settings.body))
            return event
        try:
            body = event._held.counted(chunks(scope, receive, settings.body))
            form = await _parsed(event, body)
        except BaseException:
            event.close()
            raise
        event.form = {name: value for name, value in form if isinstance(value, str)}
        event.files = [_file(name, value) for name, value in form if isinstance(value, UploadFile)]
        return event

    def close(self) -> None:
        for each in self.files:
            each.file.close()
        self._held.close()


def _file(name: str, sent: UploadFile) -> File:
    kind = sent.content_type or "application/octet-stream"
    return File(name, sent.filename or "", kind, sent.size or 0, sent.file)


async def _parsed(event: Event, body: AsyncIterator[bytes]) -> list[tuple[str, str | UploadFile]]:
    parser = _Parser(event.headers, body, **_FORM)
    try:
        form = await parser.parse()
    except (MultiPartException, FormParserError) as wrong:
        raise Refused(400, f"the form cannot be read: {wrong}") from None
    except OSError as full:
        if full.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise Refused(507, "there is no room for the files") from None
    if not parser.ended:
        parser.close()
        raise Refused(400, "the form cannot be read: its end is missing")
    return form.multi_items()


class _Parser(MultiPartParser):
    """Starlette's, with less in memory: of a file, and of headers, for which it knows no limit.

    :ivar ended: whether the form came to its end; Starlette takes a half for the whole.
    """

    spool_max_size = 64 * 1024
    ended = False

    def on_end(self) -> None:
        self.ended = True

    def close(self) -> None:
        for file in self._files_to_close_on_error:
            file.close()

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        super().on_header_field(data, start, end)
        self._limit()

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        super().on_header_value(data, start, end)
        self._limit()

    def _limit(self) -> None:
        pending = (self._current_partial_header_name, self._current_partial_header_value)
        known = sum(len(value) for _, value in self._current_part.item_headers)
        if known + sum(map(len, pending)) > 16 * 1024 or len(self._current_part.item_headers) > 16:
            raise MultiPartException("a part has too long a header")
