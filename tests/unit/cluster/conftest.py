"""Programs that are not on this machine, stood in for."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

HERE = Path(__file__).parent
TRANSCRIPTS = HERE / "transcripts"


@dataclass(frozen=True)
class StandIn:
    """Programs on PATH that answer as a transcript says."""

    folder: Path

    def play(self, name: str, programs: tuple[str, ...] = ("snap", "microk8s", "kubectl")) -> None:
        """Put programs there that answer from ``transcripts/NAME.yaml``."""
        common = yaml.safe_load((TRANSCRIPTS / "common.yaml").read_text())
        listed = yaml.safe_load((TRANSCRIPTS / f"{name}.yaml").read_text())
        steps = [common[each] if isinstance(each, str) else each for each in listed]
        self.say(steps=steps)
        (self.folder / "asked.log").unlink(missing_ok=True)
        for program in programs:
            script = self.folder / program
            script.write_text(f"#!{sys.executable}\n{(HERE / 'standin.py').read_text()}")
            script.chmod(0o755)

    def say(self, *, kubectl: dict[str, str] | None = None, **changes: Any) -> None:
        """Change what is answered."""
        path = self.folder / "transcript.json"
        known = {"kubectl": yaml.safe_load((TRANSCRIPTS / "kubectl.yaml").read_text()), "steps": []}
        if path.exists():
            known = json.loads(path.read_text())
        known["kubectl"] |= kubectl or {}
        path.write_text(json.dumps({**known, **changes}))

    @property
    def asked(self) -> list[str]:
        """What snap and microk8s were asked, in order."""
        log = self.folder / "asked.log"
        return log.read_text().splitlines() if log.exists() else []

    @property
    def expected(self) -> list[str]:
        """What the transcript has."""
        steps = json.loads((self.folder / "transcript.json").read_text())["steps"]
        return [each["command"] for each in steps]

    @property
    def asked_kubectl(self) -> list[str]:
        log = self.folder / "kubectl.log"
        return log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """Nothing but the stand-ins is found as a program, and what others are started with."""
    folder = tmp_path / "programs"
    folder.mkdir()
    if helper := shutil.which("setpriv"):
        (folder / "setpriv").symlink_to(helper)
    monkeypatch.setenv("PATH", str(folder))
    return StandIn(folder)


@dataclass
class Server:
    """A web server that answers everything in one way, but for a registry's first question.

    :ivar status: with which it answers.
    """

    port: int
    status: int = 404


@pytest.fixture
def server() -> Iterator[Server]:
    """An ingress without any page, and a registry, in one."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/v2/" else found.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        found = Server(http.server_address[1])
        thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield found
        http.shutdown()
        thread.join()
