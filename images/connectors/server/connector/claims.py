"""Who makes a scheduled call: whoever first writes down that it does.

So several connectors, or one that was started again, do not make the same call twice. It is kept in
a ConfigMap; Kubernetes refuses a change of a state that is no longer the last one.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import httpx

from . import kubernetes
from .log import say

_NAME = "cron-connector"
_TRIES = 5


class Claims:
    """What was called last, by the functions' keys."""

    def __init__(self) -> None:
        self._memory: dict[str, str] = {}

    async def last(self, key: str) -> datetime | None:
        """The last scheduled time that somebody has taken."""
        if kubernetes.address():
            try:
                self._memory = (await self._read()).get("data") or {}
            except (httpx.HTTPError, OSError) as failed:
                _note(failed)
        found = self._memory.get(key)
        return datetime.fromisoformat(found) if found else None

    async def take(self, key: str, due: datetime, known: set[str]) -> bool:
        """Whether the call that is due then is ours to make.

        Where Kubernetes does not answer, it is: rather twice than never.

        :param known: the functions that there are; others are forgotten.
        """
        for _ in range(_TRIES):
            try:
                return await self._try(key, due, known)
            except httpx.HTTPStatusError as refused:
                if refused.response.status_code != httpx.codes.CONFLICT:
                    _note(refused)
                    return True
            except (httpx.HTTPError, OSError) as failed:
                _note(failed)
                await asyncio.sleep(0.5)
        return True

    async def _try(self, key: str, due: datetime, known: set[str]) -> bool:
        state = await self._read() if kubernetes.address() else {"data": self._memory}
        data = state.get("data") or {}
        if data.get(key, "") >= due.isoformat():
            return False
        changes: dict[str, str | None] = dict.fromkeys(set(data) - known)
        changes[key] = due.isoformat()
        if kubernetes.address():
            await self._write(state["metadata"]["resourceVersion"], changes)
        else:
            self._memory[key] = due.isoformat()
        return True

    async def _read(self) -> dict[str, Any]:
        async with kubernetes.client() as client:
            answer = await client.get(self._path)
            answer.raise_for_status()
            found: dict[str, Any] = answer.json()
            return found

    async def _write(self, version: str, changes: dict[str, str | None]) -> None:
        async with kubernetes.client() as client:
            answer = await client.patch(
                self._path, json={"metadata": {"resourceVersion": version}, "data": changes},
                headers={"Content-Type": "application/merge-patch+json"},
            )  # fmt: skip
            answer.raise_for_status()

    @property
    def _path(self) -> str:
        return f"/api/v1/namespaces/{kubernetes.namespace()}/configmaps/{_NAME}"


def _note(failed: Exception) -> None:
    say("warning", "scheduled calls cannot be noted", reason=f"{type(failed).__name__}: {failed}")
