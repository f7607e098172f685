"""Health and metrics over HTTP, from a thread of its own: /healthz, /readyz, /metrics.

It answers whatever the rest is at; that the rest goes on at all is what /healthz is about.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import make_wsgi_app

_STUCK = 15.0
"""Seconds without a beat after which the connector counts as dead."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        """The kubelet asks every second; nobody wants to read that."""


class Health:
    """Answers the kubelet and Prometheus.

    :param ready: whether the connector can do its work now.
    """

    def __init__(self, port: int, ready: Callable[[], bool]) -> None:
        self._ready = ready
        self._beat = time.monotonic()
        self._metrics = make_wsgi_app()
        everywhere = "0.0.0.0"  # noqa: S104 - of its pod
        self._server = make_server(everywhere, port, self._answer, _Server, _Quiet)
        self.port = self._server.server_port
        Thread(target=self._server.serve_forever, daemon=True).start()

    async def beat(self) -> None:
        """Say again and again that the event loop runs."""
        while True:
            self._beat = time.monotonic()
            await asyncio.sleep(1)

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            return self._metrics(environ, start)
        states = {
            "/healthz": time.monotonic() - self._beat < _STUCK,
            "/readyz": self._ready(),
        }
        if path not in states:
            return _say(start, "404 Not Found")
        return _say(start, "200 OK" if states[path] else "503 Service Unavailable")

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _say(start: Callable[..., Any], status: str) -> Iterable[bytes]:
    start(status, [("Content-Type", "text/plain")])
    return [f"{status[4:]}\n".encode()]
