"""Looks every few seconds which functions there are."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import httpx

from . import metrics
from .functions import Function
from .gateway import Gateway
from .log import say

Update = Callable[[list[Function]], Awaitable[None]]


class Watcher:
    """Tells a connector of the functions, again and again.

    A gateway that does not answer changes nothing: what was known is true until something else is.

    :param update: is given all functions after each look.
    """

    def __init__(self, gateway: Gateway, interval: float, update: Update) -> None:
        self._gateway = gateway
        self._interval = interval
        self._update = update
        self._seen = -float("inf")
        self._failing = ""

    @property
    def ready(self) -> bool:
        """Whether the gateway has answered lately."""
        return time.monotonic() - self._seen < 5 * self._interval + 5

    async def run(self) -> None:
        while True:
            await self._look()
            await asyncio.sleep(self._interval)

    async def _look(self) -> None:
        try:
            functions = await self._gateway.functions()
        except (httpx.HTTPError, ValueError) as failed:
            metrics.LOOKS.labels("failed").inc()
            self._note(f"{type(failed).__name__}: {failed}")
            return
        metrics.LOOKS.labels("ok").inc()
        self._note("")
        await self._update(functions)
        self._seen = time.monotonic()

    def _note(self, failing: str) -> None:
        """Say when it begins to fail, and when it is over; not each time."""
        if failing and not self._failing:
            say("warning", "the gateway does not list its functions", reason=failing)
        elif self._failing and not failing:
            say("info", "the gateway lists its functions again")
        self._failing = failing
