"""Functions run as in their image: with the image's Python and the packages pinned for it."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab_helpers import functions
from lab_helpers._wait import NotYet, until
from lab_helpers.builds import ensure
from lab_helpers.functions import Function

Start = Callable[..., "Server"]


@dataclass
class Server:
    """A function's process, listening on loopback."""

    process: subprocess.Popen[bytes]
    log: Path
    port: int = 0

    def wait_for(self, words: str) -> str:
        """The rest of the line that begins with these words in what the server prints."""

        def probe() -> str:
            found = re.search(re.escape(words) + "(.*)", self.log.read_text())
            if found:
                return found[1]
            raise NotYet(f"it printed {self.log.read_text()!r}, exit code {self.process.poll()}")

        return until(f"the server to print {words!r}", probe, timeout=30, interval=0.01)

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    @property
    def resident(self) -> int:
        """Memory in kB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0])


@pytest.fixture(scope="session", autouse=True)
def _many_files() -> None:
    """A thousand clients are a thousand open files of this process."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def environment_of(function: Function) -> dict[str, str]:
    """Where the function's modules and packages are found; any free port."""
    ensure([*function.base.artifacts, function.packages])
    return {"PYTHONPATH": f"{function.packages.path}:{function.folder}", "PORT": "0"}


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Starts the users API, or a program beside it, with some variables set."""
    function = functions.find("users-api")
    known = environment_of(function)
    started: list[Server] = []

    def begin(program: Path = function.folder / "app.py", **variables: str) -> Server:
        log = tmp_path_factory.mktemp("server") / "log"
        with log.open("w") as sink:
            process = subprocess.Popen(
                [*map(str, function.base.interpreter), "-u", "-B", str(program)],
                stdout=sink, stderr=sink, env={**os.environ, **known, **variables},
            )  # fmt: skip
        server = Server(process, log)
        started.append(server)
        server.port = int(server.wait_for("running on http://0.0.0.0:").split()[0])
        return server

    yield begin
    for server in started:
        server.process.kill()
        server.process.wait()


@pytest.fixture(scope="module")
def server(start: Start) -> Server:
    """One server for all tests that leave it running."""
    return start(DRAIN_SECONDS="0")
