"""Calls for one event: made again where that may help, each one logged and counted."""

from __future__ import annotations

import asyncio
import time

from . import metrics
from .functions import Function
from .gateway import Gateway, Outcome
from .log import say
from .settings import Settings


class Caller:
    """Calls functions.

    :ivar name: the connector, which functions are told in the header `X-Connector`.
    """

    def __init__(self, name: str, gateway: Gateway, settings: Settings) -> None:
        self.name = name
        self._gateway = gateway
        self._attempts = settings.attempts
        self._backoff = settings.backoff

    async def deliver(self, function: Function, body: bytes, *, topic: str, event: str) -> Outcome:
        """Call a function until it answers with success, or until there is no point any more.

        :param event: names the event, the same in every call for it: `X-Event-Id`.
        :returns: how the last call ended.
        """
        outcome = Outcome(0, "it was not called")
        for attempt in range(1, self._attempts + 1):
            outcome = await self._once(function, body, topic, event, attempt)
            if not outcome.again or attempt == self._attempts:
                break
            metrics.RETRIES.labels(function.key).inc()
            await asyncio.sleep(self._backoff * 2 ** (attempt - 1))
        if not outcome.ok:
            metrics.GIVEN_UP.labels(function.key).inc()
        return outcome

    async def _once(
        self, function: Function, body: bytes, topic: str, event: str, attempt: int
    ) -> Outcome:
        began = time.perf_counter()
        headers = {
            "Content-Type": "application/octet-stream",
            "X-Connector": self.name,
            "X-Topic": topic,
            "X-Event-Id": event,
            "X-Attempt": str(attempt),
        }
        outcome = await self._gateway.call(function, body, headers)
        seconds = time.perf_counter() - began
        metrics.CALLS.labels(function.key, str(outcome.status)).inc()
        metrics.SECONDS.labels(function.key).observe(seconds)
        say(
            "info" if outcome.ok else "warning", "called", function=function.name,
            namespace=function.namespace, topic=topic, event=event, status=outcome.status,
            duration_ms=round(1000 * seconds, 1), attempt=attempt, reason=outcome.reason,
        )  # fmt: skip
        return outcome
