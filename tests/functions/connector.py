"""The connectors as their image runs them, and a small gateway for them to call functions by."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from lab_helpers import images
from lab_helpers._wait import NotYet, until
from lab_helpers.bases import base

from .nats import Nats, free_port

SERVER = images.CATALOGUE["connectors"].source
BASIC = "Basic " + b64encode(b"admin:of-gateway").decode()


@dataclass
class Call:
    """A call as the function got it."""

    function: str
    body: bytes
    headers: dict[str, str]
    at: float


@dataclass
class Gateway:
    """Lists functions and takes their calls, over HTTP; what they answer, a test says.

    :ivar functions: annotations by NAME.
    :ivar answers: by NAME; gets the calls of that function so far, gives a status.
    """

    functions: dict[str, dict[str, str]] = field(default_factory=dict)
    answers: dict[str, Callable[[list[Call]], int]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    port: int = field(default_factory=free_port)
    lists: int = 0

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None

    def start(self) -> Gateway:
        handler = partial(_Handler, self)
        ThreadingHTTPServer.request_queue_size = 128
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), handler)  # type: ignore[arg-type]
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=[0.02], daemon=True).start()
        return self

    def end(self) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @property
    def running(self) -> bool:
        return self._server is not None

    def listed(self) -> list[dict[str, Any]]:
        self.lists += 1
        return [
            {"name": name, "namespace": "openfaas-fn", "annotations": annotations}
            for name, annotations in list(self.functions.items())
        ]

    def called(self, call: Call) -> int:
        with self._lock:
            self.calls.append(call)
            earlier = self.of(call.function)
        if call.function not in self.functions:
            return 404
        return self.answers.get(call.function, lambda _: 204)(earlier)

    def of(self, function: str) -> list[Call]:
        return [each for each in self.calls if each.function == function]

    def bodies(self, function: str) -> list[bytes]:
        return [each.body for each in self.of(function)]

    def wait_for(self, function: str, count: int, *, timeout: float = 20) -> list[Call]:
        """The calls of a function, as soon as there are so many."""

        def probe() -> list[Call]:
            found = self.of(function)
            if len(found) < count:
                raise NotYet(f"there were {len(found)}")
            return found

        return until(f"{count} calls of {function}", probe, timeout=timeout, interval=0.02)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __init__(self, gateway: Gateway, *arguments: Any) -> None:
        self._gateway = gateway
        super().__init__(*arguments)

    def do_GET(self) -> None:
        path = urlsplit(self.path)
        if not self._gateway.running:
            # A connection of before, kept open.
            self.close_connection = True
        elif self.headers.get("Authorization") != BASIC:
            self._answer(401, None)
        elif path.path == "/system/namespaces":
            self._answer(200, ["openfaas-fn"])
        elif path.path == "/system/functions":
            assert parse_qs(path.query)["namespace"] == ["openfaas-fn"]
            self._answer(200, self._gateway.listed())
        else:
            self._answer(404, None)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        name, _, namespace = self.path.removeprefix("/function/").partition(".")
        assert namespace == "openfaas-fn"
        headers = {key.lower(): value for key, value in self.headers.items()}
        self._answer(self._gateway.called(Call(name, body, headers, time.time())), None)

    def _answer(self, status: int, content: Any) -> None:
        body = b"" if content is None else json.dumps(content).encode()
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """A test that fails shows the connector's log."""


class Connector:
    """A connector's process.

    :ivar port: of health and metrics.
    """

    def __init__(self, kind: str, folder: Path, gateway: Gateway, nats: Nats | None = None) -> None:
        self._kind = kind
        self.folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._variables = {
            "gateway_url": f"http://127.0.0.1:{gateway.port}", "port": str(self.port),
            "broker_host": f"127.0.0.1:{nats.port if nats else 1}", "rebuild_interval": "200ms",
            "upstream_timeout": "1s", "backoff": "50ms", "ack_wait": "2s", "forget": "1s",
            "GATEWAY_CREDENTIALS": str(self._secret("gateway", "basic-auth-", "user", "admin")),
            "NATS_CREDENTIALS": str(self._secret("nats", "", "username", "connector")),
        }  # fmt: skip

    def _secret(self, name: str, prefix: str, key: str, user: str) -> Path:
        folder = self.folder / f"of-{name}"
        folder.mkdir(exist_ok=True)
        (folder / f"{prefix}{key}").write_text(user)
        of = "gateway" if user == "admin" else user
        (folder / f"{prefix}password").write_text(f"of-{of}")
        return folder

    def start(self, **variables: str) -> Connector:
        """Start it, and wait until it is ready."""
        self.begin(**variables)
        self.wait_until_ready()
        return self

    def begin(self, **variables: str) -> None:
        made = SERVER.bin()
        interpreter = [str(word) for word in base().interpreter]  # type: ignore[attr-defined]
        known = {**os.environ, "PYTHONPATH": str(made / "packages"), **self._variables, **variables}
        with (self.folder / "log").open("a") as sink:
            self._process = subprocess.Popen(
                [*interpreter, "-u", "-B", str(made / "server/main.py"), self._kind],
                stdout=sink, stderr=sink, env=known,
            )  # fmt: skip

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def lines(self, message: str) -> list[dict[str, Any]]:
        """The lines of the log that say this."""
        found = [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]
        return [line for line in found if line["message"] == message]

    def wait_for(self, message: str, count: int = 1, *, timeout: float = 20) -> dict[str, Any]:
        """The last line of the log that says this, as soon as there are so many."""

        def probe() -> dict[str, Any]:
            found = self.lines(message)
            if len(found) < count:
                raise NotYet(self.log[-2000:])
            return found[-1]

        return until(f"the connector to say {message!r}", probe, timeout=timeout, interval=0.02)

    def wait_until_ready(self) -> None:
        def probe() -> None:
            assert self._process is not None
            assert self._process.poll() is None, self.log
            if not self.ready:
                raise NotYet(self.log[-2000:])

        until("the connector to be ready", probe, timeout=20, interval=0.05)

    @property
    def ready(self) -> bool:
        return self.ask("readyz") == 200

    def ask(self, path: str) -> int:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/{path}").status_code
        except httpx.HTTPError:
            return 0

    def counted(self, name: str) -> float:
        """The sum of a metric over all labels."""
        text = httpx.get(f"http://127.0.0.1:{self.port}/metrics").text
        lines = [line for line in text.splitlines() if line.startswith((f"{name} ", f"{name}{{"))]
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it, and return its exit code."""
        assert self._process is not None
        self._process.send_signal(how)
        return self._process.wait(timeout=40)

    def stop(self) -> None:
        """Leave nothing of it, whatever became of it."""
        if self._process and self._process.poll() is None:
            self.end(signal.SIGKILL)
