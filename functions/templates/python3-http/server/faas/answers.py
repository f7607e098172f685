"""What a handler returned, as an answer in HTTP."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

_KEYS = ("statusCode", "body", "headers")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_OURS = ("connection", "content-length", "date", "keep-alive", "transfer-encoding", "upgrade")
"""What the server says, as it knows better."""


class Answer(NamedTuple):
    """What is sent."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


def answer(returned: Any) -> Answer:
    """An answer of what a handler returned: a text, bytes, nothing, or a dict of these keys:

    ``statusCode``
        200 where it is left out;
    ``body``
        bytes and texts as they are, anything else as JSON;
    ``headers``
        a dict; a list as its value stands for several headers of that name.

    :raises TypeError: it is something else, or cannot be written as JSON.
    :raises ValueError: the status or a header is none.
    """
    if returned is None or isinstance(returned, str | bytes):
        returned = {"body": returned}
    if not isinstance(returned, Mapping):
        raise TypeError(f"the handler returned a {type(returned).__name__}, and not a dict")
    unknown = [key for key in returned if key not in _KEYS]
    if unknown:
        raise TypeError(f"the handler returned a dict with {unknown!r} beside {', '.join(_KEYS)}")
    content_type, body = _content(returned.get("body"))
    status = _status(returned.get("statusCode", 200))
    headers = _headers(returned.get("headers") or {})
    if content_type and not any(name == b"content-type" for name, _ in headers):
        headers.append((b"content-type", content_type))
    # These two have no body at all, whose length could be said.
    if status not in (204, 304):
        headers.append((b"content-length", str(len(body)).encode()))
    return Answer(status, headers, b"" if status in (204, 304) else body)


def error(status: int, reason: str, **headers: str) -> Answer:
    return answer({"statusCode": status, "body": {"error": reason}, "headers": headers})


def _content(body: Any) -> tuple[bytes, bytes]:
    """A body's type and its bytes. A text is no page: whoever sent it may have sent a script."""
    if body is None:
        return b"", b""
    if isinstance(body, bytes | bytearray | memoryview):
        return b"application/octet-stream", bytes(body)
    if isinstance(body, str):
        return b"text/plain; charset=utf-8", body.encode(errors="replace")
    return b"application/json", json.dumps(body).encode()


def _status(code: Any) -> int:
    try:
        status = int(code)
    except (TypeError, ValueError):
        status = 0
    if not 200 <= status <= 599:
        raise ValueError(f"the handler returned the statusCode {code!r}, which is none")
    return status


def _headers(said: Any) -> list[tuple[bytes, bytes]]:
    if not isinstance(said, Mapping):
        raise TypeError(f"the handler returned headers in a {type(said).__name__}, and not a dict")
    pairs = [
        (str(name), str(value))
        for name, values in said.items()
        for value in (values if isinstance(values, list | tuple) else [values])
    ]
    for name, value in pairs:
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise ValueError(f"the handler returned the header {name!r}: {value!r}, which is none")
    return [
        (name.lower().encode(), value.strip().encode("latin-1"))
        for name, value in pairs
        if name.lower() not in _OURS
    ]
