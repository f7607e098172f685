"""Functions are called: with an answer to wait for, or through the queue."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import httpx

from .. import _wait
from .._exceptions import WaitTimeout
from . import GATEWAY_INSIDE
from .access import Access
from .calls import Body, Call
from .commands import show
from .gateway import Refused


class Calling(Access):
    """Functions are called."""

    def invoke(
        self, name: str, body: Body = b"", *, method: str = "POST", path: str = "",
        query: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None,
        files: Mapping[str, Any] | None = None, timeout: float = 65, quiet: bool = False,
        patience: float = 0,
    ) -> httpx.Response:  # fmt: skip
        """Call a function and return its answer, whatever its status.

        :param body: bytes as they are, text, or what becomes JSON.
        :param path: below the function's address.
        :param files: sent as a form: paths, or what httpx takes, by the names of the fields.
        :param quiet: without the command; for calls in a loop.
        :param patience: seconds for which it is called again while it answers 503: not now.
        :raises LabError: no answer came in time.
        """
        call = Call(name, body, method, path, query or {}, headers or {}, files or {})
        if not quiet:
            show(*call.command(self.url(name, path), *self._space.flags), stdin=call.stdin)
        target = self._space.path("function", name, path)

        def ask() -> httpx.Response:
            with call.request() as request:
                return self.gateway.send(method, target, timeout=timeout, **request)

        return asked_again(ask, patience) if patience else ask()

    def invoke_async(
        self, name: str, body: Body = b"", *, callback: str = "", path: str = "",
        query: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None,
        quiet: bool = False,
    ) -> str:  # fmt: skip
        """Put a call into the queue, and return its id at once.

        :param callback: where the answer is posted to: an address, or a function's name.
        :returns: the id that the function and the callback get as the header ``X-Call-Id``.
        :raises Refused: the gateway did not take it.
        """
        call = Call(name, body, "POST", path, query or {}, self._with(headers, callback))
        target = self._space.path("async-function", name, path)
        if not quiet:
            address = f"{self.gateway.address}{target}"
            show(*call.command(address, "--async", *self._space.flags), stdin=call.stdin)
        with call.request() as request:
            answer = self.gateway.send("POST", target, timeout=30, **request)
        if answer.status_code != httpx.codes.ACCEPTED:
            raise Refused(f"the call of {name} is not queued", answer.status_code, answer.text)
        return str(answer.headers["x-call-id"])

    def _with(self, headers: Mapping[str, str] | None, callback: str) -> dict[str, str]:
        """Headers, and the one for a callback, as the queue worker reaches it in its pod."""
        if not callback:
            return dict(headers or {})
        inside = f"{GATEWAY_INSIDE}{self._space.path('function', callback)}"
        return {**(headers or {}), "X-Callback-Url": callback if "://" in callback else inside}


def asked_again(ask: Callable[[], httpx.Response], patience: float) -> httpx.Response:
    """The first answer that is not 503, or the last one when the time is over."""
    last: list[httpx.Response] = []

    def probe() -> httpx.Response:
        last[:] = [ask()]
        if last[0].status_code == httpx.codes.SERVICE_UNAVAILABLE:
            raise _wait.NotYet(last[0].text)
        return last[0]

    try:
        return _wait.until("another answer than 503", probe, timeout=patience, interval=0.5)
    except WaitTimeout:
        return last[0]
