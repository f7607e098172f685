"""What is asked for in HTTP, and what is answered. No SQL is here."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

DESCRIPTION = json.loads((Path(__file__).parent / "openapi.json").read_text())
MOST_UPTIME = 2**63 - 1
"""Seconds, as a column of the type bigint takes them."""
COLDEST, HOTTEST = -273, 2**31 - 1
ROWS, MOST_ROWS = 100, 1000
"""How many rows are answered when nothing is said, and at most."""


class Request(NamedTuple):
    method: str
    path: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes


class Response(NamedTuple):
    """An answer, by the names that the template knows."""

    statusCode: int  # noqa: N815
    body: Any
    headers: Mapping[str, str] = {}


class Refused(Exception):
    """Something is wrong with the request, or cannot be done now."""

    def __init__(self, code: int, reason: str, **headers: str) -> None:
        super().__init__(reason)
        self.response = Response(code, {"error": reason}, headers)


class Unavailable(Exception):
    """The database is away, or is about to have another leader."""


class Store(Protocol):
    """Where rows are kept.

    Every method raises :class:`Unavailable` while it cannot be asked.
    """

    def knows(self, device: int, key: str) -> bool:
        """Whether there is such a device, and this is its key."""

    def add(self, device: int, uptime: int, temperature: int) -> None: ...

    def latest(self, device: int, most: int) -> list[dict[str, Any]]:
        """The device's own rows, newest first."""


def answer(request: Request, store: Store) -> Response:
    """What a request gets."""
    try:
        return _answer(request, store)
    except Refused as refused:
        return refused.response
    except Unavailable:
        reason = "the database cannot be reached; try again"
        return Response(503, {"error": reason}, {"Retry-After": "2"})


def _answer(request: Request, store: Store) -> Response:
    if request.path == "/openapi.json":
        _allow(request, "GET")
        return Response(200, DESCRIPTION)
    if request.path != "/":
        raise Refused(404, "Not Found")
    _allow(request, "GET", "POST")
    given = request.headers.get("x-device-id"), request.headers.get("x-device-key")
    if given == (None, None):
        return Response(200, {"status": "No action"})
    device = _device(store, *given)
    if request.method == "GET":
        return Response(200, {"status": "OK", "data": store.latest(device, _limit(request.query))})
    store.add(device, *_reading(request.body))
    return Response(200, {"status": "OK"})


def _allow(request: Request, *methods: str) -> None:
    if request.method not in methods:
        raise Refused(405, "Method Not Allowed", Allow=", ".join(methods))


def _device(store: Store, number: str | None, key: str | None) -> int:
    """The device that asks; one answer for all that is wrong, so that nobody learns what."""
    known = re.fullmatch(r"[1-9][0-9]{0,17}", number or "")
    if not known or not key or not store.knows(int(known[0]), key):
        raise Refused(401, "x-device-id and x-device-key name no device")
    return int(known[0])


def _limit(query: Mapping[str, str]) -> int:
    said = query.get("limit", str(ROWS))
    if not re.fullmatch(r"[0-9]{1,4}", said) or not 1 <= int(said) <= MOST_ROWS:
        raise Refused(400, f"limit is a number from 1 to {MOST_ROWS}")
    return int(said)


def _reading(body: bytes) -> tuple[int, int]:
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused(400, "the body is no JSON") from None
    if not isinstance(given, dict):
        raise Refused(400, "the body is no JSON object")
    return (
        _number(given, "uptime", 0, MOST_UPTIME),
        _number(given, "temperature", COLDEST, HOTTEST),
    )


def _number(given: Mapping[str, Any], name: str, least: int, most: int) -> int:
    value = given.get(name)
    # To Python, true and false are numbers.
    if type(value) is not int or not least <= value <= most:
        raise Refused(400, f"{name} is a whole number from {least} to {most}")
    return value
