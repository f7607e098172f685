"""An HTTP client that finds the course's pages wherever it runs."""

from __future__ import annotations

from functools import partial
from typing import Any

import httpx
import urllib3

_LOOPBACK = ".localhost"


class _LoopbackNames(httpx.HTTPTransport):
    """Sends ``*.localhost`` to loopback, as browsers do and most resolvers do not.

    The request keeps its Host header, which is what the ingress goes by.
    """

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host.endswith(_LOOPBACK):
            # The caller's request stays as it is: cookies and redirects go by its address.
            request = httpx.Request(
                request.method,
                request.url.copy_with(host="127.0.0.1"),
                headers=request.headers,
                stream=request.stream,
                extensions=request.extensions,
            )
        return super().handle_request(request)


def client(*, timeout: float = 10, retries: int = 0) -> httpx.Client:
    """A client for pages of the cluster.

    :param timeout: seconds for a whole answer.
    :param retries: how often a refused connection is tried again.
    """
    transport = _LoopbackNames(retries=retries)
    opened = httpx.Client(transport=transport, timeout=timeout, trust_env=False)
    opened.event_hooks = {"response": [partial(_take_loopback_for_secure, opened)]}
    return opened


def _take_loopback_for_secure(opened: httpx.Client, _: httpx.Response) -> None:
    """Have cookies for TLS only go back to ``*.localhost`` without it, too, as browsers do.

    What does not leave the machine cannot be listened to.
    """
    for cookie in opened.cookies.jar:
        if cookie.domain.endswith(_LOOPBACK):
            cookie.secure = False


class _LoopbackPool(urllib3.PoolManager):
    """The same for libraries that bring urllib3. The Host header is theirs to set."""

    def connection_from_host(self, host: str | None, *rest: Any, **named: Any) -> Any:
        here = bool(host) and str(host).endswith(_LOOPBACK)
        return super().connection_from_host("127.0.0.1" if here else host, *rest, **named)


def pool(*, timeout: float = 10) -> urllib3.PoolManager:
    """What a client library for S3 sends its requests with.

    :param timeout: seconds without a byte.
    """
    return _LoopbackPool(timeout=timeout, retries=urllib3.Retry(2, backoff_factor=0.2))
