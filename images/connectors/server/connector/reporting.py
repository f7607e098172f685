"""Tells whoever looks after a function that its annotations cannot be used: an Event of its
Deployment, which `kubectl describe` and `kubectl events` show."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import httpx

from . import kubernetes
from .functions import Function
from .log import say

_AGAIN = 1800.0
"""Seconds after which it is said once more: Kubernetes forgets Events after an hour."""


class Reporter:
    """Reports wrong annotations, once for each.

    :ivar connector: who says it.
    """

    def __init__(self, connector: str) -> None:
        self.connector = connector
        self._said: dict[str, tuple[str, float]] = {}

    @property
    def count(self) -> int:
        """Functions that something is wrong with."""
        return len(self._said)

    async def wrong(self, function: Function, reason: str, message: str) -> None:
        """Say what is wrong with a function, unless that was said a short while ago."""
        before, at = self._said.get(function.key, ("", 0.0))
        if before == message and time.monotonic() - at < _AGAIN:
            return
        self._said[function.key] = message, time.monotonic()
        say("warning", message, function=function.name, namespace=function.namespace, kind=reason)
        await self._event(function, reason, message)

    def right(self, key: str) -> None:
        """Nothing is wrong with a function any more, or there is none."""
        self._said.pop(key, None)

    def known(self) -> tuple[str, ...]:
        """The keys of functions that something is wrong with."""
        return tuple(self._said)

    async def _event(self, function: Function, reason: str, message: str) -> None:
        if not kubernetes.address():
            return
        try:
            async with kubernetes.client() as client:
                about = await client.get(
                    f"/apis/apps/v1/namespaces/{function.namespace}/deployments/{function.name}"
                )
                about.raise_for_status()
                made = await client.post(
                    f"/api/v1/namespaces/{function.namespace}/events",
                    json=self._object(function, reason, message, about.json()["metadata"]["uid"]),
                )
                made.raise_for_status()
        except (httpx.HTTPError, OSError) as failed:
            say("warning", "no Event could be made", reason=f"{type(failed).__name__}: {failed}")

    def _object(self, function: Function, reason: str, message: str, uid: str) -> dict:
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        return {
            "metadata": {"generateName": f"{function.name}.", "namespace": function.namespace},
            "involvedObject": {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "name": function.name,
                "namespace": function.namespace,
                "uid": uid,
            },
            "type": "Warning",
            "reason": reason,
            "message": message,
            "source": {"component": self.connector},
            "reportingComponent": self.connector,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
