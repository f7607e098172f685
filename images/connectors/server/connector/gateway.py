"""The gateway: which functions there are, and one call of a function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from .functions import Function
from .settings import Settings

_AGAIN = (408, 425, 429)
"""Refusals that may be none the next time; so may everything from 500 on."""


@dataclass(frozen=True)
class Outcome:
    """How a call ended.

    :ivar status: what was answered; 0 where nothing was.
    :ivar reason: why it failed; empty where it did not.
    """

    status: int
    reason: str = ""

    @property
    def ok(self) -> bool:
        return not self.reason

    @property
    def again(self) -> bool:
        """Whether another call may succeed: the function is not there now, or has failed."""
        return not self.ok and (not self.status or self.status >= 500 or self.status in _AGAIN)


class Gateway:
    """OpenFaaS's gateway."""

    def __init__(self, settings: Settings) -> None:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=100)
        self._timeout = settings.timeout
        self._client = httpx.AsyncClient(
            base_url=settings.gateway, limits=limits, timeout=10, trust_env=False
        )
        self._auth = httpx.BasicAuth(settings.gateway_user, settings.gateway_password)

    async def functions(self) -> list[Function]:
        """All functions of all namespaces.

        :raises httpx.HTTPError: the gateway does not answer, or not with a list.
        """
        found = []
        for namespace in await self._ask("/system/namespaces"):
            try:
                listed = await self._ask("/system/functions", namespace=namespace)
            except httpx.HTTPStatusError as refused:
                if refused.response.is_client_error:
                    # A namespace that has gone meanwhile.
                    continue
                raise
            found += [Function.listed(each, namespace) for each in listed]
        return found

    async def _ask(self, path: str, **query: str) -> list:
        answer = await self._client.get(path, params=query, auth=self._auth)
        answer.raise_for_status()
        return answer.json() or []

    async def call(self, function: Function, body: bytes, headers: Mapping[str, str]) -> Outcome:
        """Call a function once, for so many seconds at most."""
        address = f"/function/{function.key}"
        try:
            answer = await self._client.post(
                address, content=body, headers=dict(headers), timeout=self._timeout
            )
        except httpx.TimeoutException:
            return Outcome(0, f"no answer within {self._timeout:g} s")
        except httpx.HTTPError as failed:
            return Outcome(0, f"{type(failed).__name__}: {failed}".rstrip(": "))
        if answer.is_success:
            return Outcome(answer.status_code)
        said = " ".join(answer.text[:200].split())
        return Outcome(answer.status_code, f"{answer.status_code} {said}".rstrip())

    async def close(self) -> None:
        await self._client.aclose()
