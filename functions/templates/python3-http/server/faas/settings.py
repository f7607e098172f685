"""What the environment says, read once."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(h|ms|m|s|us|µs|ns)")


@dataclass(frozen=True)
class Settings:
    """Settings of one function.

    :ivar port: where it listens.
    :ivar body: bytes that a request's body may have.
    :ivar read: seconds in which the body has to arrive; None for no limit.
    :ivar execute: seconds that the handler gets; None for no limit.
    :ivar write: seconds in which the client has to take the answer; None for no limit.
    :ivar drain: seconds for which it goes on after SIGTERM as if nothing had happened.
    """

    port: int
    body: int
    read: float | None
    execute: float | None
    write: float | None
    drain: float

    @property
    def last(self) -> float:
        """Seconds after which no request that is under way can still be."""
        return sum(3600 if each is None else each for each in (self.read, self.execute, self.write))


def settings(defaults: Mapping[str, str]) -> Settings:
    """The settings that the environment has, or else these, or else the usual ones.

    :raises ValueError: a variable holds something that cannot be used.
    """

    def said(name: str, usual: str) -> str:
        return os.environ.get(name) or defaults.get(name, usual)

    return Settings(
        port=_number("PORT", said("PORT", "8080")),
        body=_number("MAX_BODY_BYTES", said("MAX_BODY_BYTES", "1048576")),
        read=_timeout("read_timeout", said("read_timeout", "10s")),
        execute=_timeout("exec_timeout", said("exec_timeout", "10s")),
        write=_timeout("write_timeout", said("write_timeout", "10s")),
        drain=duration(f"{said('DRAIN_SECONDS', '1')}s"),
    )


def duration(text: str) -> float:
    """Seconds of a duration as Go writes it: ``60s``, ``1m30s``, ``250ms``; a bare number as well.

    :raises ValueError: it is none.
    """
    if text.isascii() and text.isdigit():
        return float(text)
    parts = _PART.findall(text)
    if not parts or "".join(map("".join, parts)) != text:
        raise ValueError(f"{text!r} is no duration, such as 60s, 1m30s or 500ms")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def _timeout(name: str, text: str) -> float | None:
    """Zero stands for no limit, as in OpenFaaS."""
    try:
        return duration(text) or None
    except ValueError as wrong:
        raise ValueError(f"{name}: {wrong}") from None


def _number(name: str, text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise ValueError(f"{name}: {text!r} is no number")
    return int(text)
