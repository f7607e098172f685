"""Serves the users API: reads a body no further than MAX_BODY_BYTES, and says which revision it is.

How it starts and ends is the same for all functions of the course in Python: `graceful.py` is a
link to the one of the template.
"""

from __future__ import annotations

import asyncio
import json
import os
from http import HTTPStatus

from graceful import Application, Message, Receive, Refused, Send, Service, whole

MAX_BODY_BYTES = int(os.environ.get("MAX_BODY_BYTES", "1048576"))
DRAIN_SECONDS = float(os.environ.get("DRAIN_SECONDS", "1"))
BODY_SECONDS = float(os.environ.get("BODY_SECONDS", "10"))
"""Within these a body has to arrive."""
LAST_SECONDS = 10.0
"""What is under way when the server ends gets these."""


def serve(app: Application) -> None:
    """Serve until SIGTERM, then end with exit code 0."""
    Service(
        limited(app), refusal, drain=DRAIN_SECONDS, last=LAST_SECONDS + BODY_SECONDS,
        linger=BODY_SECONDS, headers=identity(), log_requests=True,
    ).run(int(os.environ.get("PORT", "8080")))  # fmt: skip


def identity() -> list[tuple[str, str]]:
    """Which revision answers: Knative says so, or whoever deployed it."""
    release = os.environ.get("RELEASE")
    revision = os.environ.get("K_REVISION") or release or "local"
    return [("x-revision", revision), *([("x-release", release)] if release else [])]


def refusal(refused: Refused) -> bytes:
    message = HTTPStatus(refused.code).phrase
    return json.dumps({"error": True, "code": refused.code, "message": message}).encode()


def limited(app: Application) -> Application:
    """The application, called once the request's body is there and no longer than allowed."""

    async def call(scope: Message, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await whole(scope, receive, MAX_BODY_BYTES)
        except TimeoutError:
            raise Refused(408) from None

        messages = [{"type": "http.request", "body": body, "more_body": False}]

        async def read() -> Message:
            return messages.pop() if messages else await receive()

        await app(scope, read, send)

    return call
