"""One call of a function: as an HTTP request, and as the command that makes the same call."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Body = bytes | str | dict[str, Any] | list[Any]
"""Bytes are sent as they are, text as text, and the rest as JSON."""


@dataclass(frozen=True)
class Call:
    """A call that is not yet made.

    :ivar name: the function.
    :ivar path: below the function's address.
    :ivar files: by the names of a form's fields: a path, or what httpx takes for a file.
    """

    name: str
    body: Body = b""
    method: str = "POST"
    path: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Any] = field(default_factory=dict)

    @property
    def _content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()

    @property
    def _content_type(self) -> dict[str, str]:
        """The header for a body that has no other one."""
        if isinstance(self.body, bytes) or "content-type" in map(str.lower, self.headers):
            return {}
        kind = "text/plain; charset=utf-8" if isinstance(self.body, str) else "application/json"
        return {"Content-Type": kind}

    @contextmanager
    def request(self) -> Iterator[dict[str, Any]]:
        """What httpx needs for it; files are open as long as the block runs."""
        given: dict[str, Any] = {"params": dict(self.query), "headers": dict(self.headers)}
        with ExitStack() as opened:
            if self.files:
                given["files"] = {
                    name: (each.name, opened.enter_context(each.open("rb")))
                    if isinstance(each, Path)
                    else each
                    for name, each in self.files.items()
                }
            else:
                given["content"] = self._content
                given["headers"] = {**self._content_type, **self.headers}
            yield given

    @property
    def stdin(self) -> str:
        """The body as it is typed into the command; only said to be there where it is no text."""
        if self.files:
            return ""
        try:
            return self._content.decode()
        except UnicodeDecodeError:
            return f"({len(self._content)} bytes)"

    def command(self, address: str, *flags: str) -> list[str]:
        """The words of a command that makes the same call.

        faas-cli calls a function at its own address only, and sends no forms. For the rest there
        is curl.
        """
        if self.path or self.files:
            return self._curl(address)
        return [
            "faas-cli", "invoke", self.name, *flags,
            *(["--method", self.method] if self.method != "POST" else []),
            *(word for key, value in self.query.items() for word in ("--query", f"{key}={value}")),
            *(word for each in self._header_lines for word in ("--header", each)),
        ]  # fmt: skip

    @property
    def _header_lines(self) -> list[str]:
        headers = {**(self._content_type if self._content else {}), **self.headers}
        return [f"{key}: {value}" for key, value in headers.items()]

    def _curl(self, address: str) -> list[str]:
        pairs = "&".join(f"{key}={value}" for key, value in self.query.items())
        body = ["--data-binary", "@-"] if self._content and not self.files else []
        headers = self.headers.items() if self.files else ()
        lines = [f"{key}: {value}" for key, value in headers] if self.files else self._header_lines
        return [
            "curl", *(["-X", self.method] if self.method != "POST" or not body else []),
            *(word for each in lines for word in ("-H", each)),
            *(word for name, each in self.files.items() for word in ("-F", _form(name, each))),
            *body, f"{address}?{pairs}" if pairs else address,
        ]  # fmt: skip


def _form(name: str, file: Any) -> str:
    """A field of a form that is a file, as curl wants it."""
    if isinstance(file, Path):
        return f"{name}=@{file}"
    named = file[0] if isinstance(file, tuple) else getattr(file, "name", name)
    return f"{name}=@{named}"
