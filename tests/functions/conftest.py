"""Functions run as in their image: with the image's Python and the packages pinned for it."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

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
    def peak(self) -> int:
        """The most memory it ever had, in kB."""
        return self._memory("VmHWM:")

    @property
    def resident(self) -> int:
        """Memory in kB."""
        return self._memory("VmRSS:")

    def _memory(self, field: str) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition(field)[2].split()[0])


@pytest.fixture(scope="session", autouse=True)
def _many_files() -> None:
    """A thousand clients are a thousand open files of this process."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Program(NamedTuple):
    """How a function is run as in its image."""

    argv: list[str]
    variables: dict[str, str]


def python(function: Function, folder: Path) -> Program:
    """A function in Python: its template's program, or ``app.py``.

    :param folder: what its image is made of.
    """
    if function.template:
        program, modules = folder / "template/main.py", []
    else:
        program, modules = folder / "function/app.py", [folder / "function"]
    path = ":".join(map(str, [folder / "packages", *modules]))
    interpreter = [str(word) for word in function.base.interpreter]
    return Program([*interpreter, "-u", "-B", str(program)], {"PYTHONPATH": path})


def entered(function: Function, folder: Path) -> Program:
    """A function by the ENTRYPOINT and ENV of its Containerfile.

    :param folder: what its image is made of, ``/opt`` there.
    """
    recipe = function.recipe.read_text().replace("\\\n", " ").replace("/opt/", f"{folder}/")
    lines = [line.partition(" ") for line in recipe.splitlines()]
    words = next(json.loads(rest) for word, _, rest in lines if word == "ENTRYPOINT")
    pairs = [pair for word, _, rest in lines if word == "ENV" for pair in rest.split()]
    interpreter = [str(word) for word in function.base.interpreter]
    return Program([*interpreter, *words[1:]], dict(pair.split("=", 1) for pair in pairs))


PROGRAMS: dict[str, Callable[[Function, Path], Program]] = {
    "java": entered,
    "node": entered,
    "python": python,
}
"""How functions are run, by the kind of their base."""


@pytest.fixture(scope="session")
def laid_out(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Function], Path]:
    """Makes the folder that an image is made of, once for each function."""

    @cache
    def lay_out(function: Function) -> Path:
        ensure([each for each in function.artifacts if each != function.artifact])
        folder = tmp_path_factory.mktemp(function.name)
        function.lay_out(folder)
        return folder

    return lay_out


@pytest.fixture(scope="module")
def run_program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Starts a program, with some variables set, and ends it after the module's tests."""
    started: list[Server] = []

    def begin(program: Program, **variables: str) -> Server:
        log = tmp_path_factory.mktemp("server") / "log"
        known = {"PORT": "0", **program.variables, **variables}
        with log.open("w") as sink:
            process = subprocess.Popen(
                program.argv, stdout=sink, stderr=sink, env={**os.environ, **known}
            )
        started.append(Server(process, log))
        return started[-1]

    yield begin
    for server in started:
        server.process.kill()
        server.process.wait()


@pytest.fixture(scope="module")
def launch(run_program: Callable[..., Server], laid_out: Callable[[Function], Path]) -> Start:
    """Starts a function as its image would, and waits until it listens."""

    def begin(function: Function, **variables: str) -> Server:
        kind = function.template.kind if function.template else "python"
        server = run_program(PROGRAMS[kind](function, laid_out(function)), **variables)
        server.port = int(server.wait_for("0.0.0.0:").split()[0])
        return server

    return begin


@pytest.fixture(scope="module")
def users_api(laid_out: Callable[[Function], Path]) -> Program:
    """How the users API is run."""
    function = functions.find("users-api")
    return python(function, laid_out(function))


@pytest.fixture(scope="module")
def start(run_program: Callable[..., Server], users_api: Program) -> Start:
    """Starts the users API, or a program beside it, with some variables set."""

    def begin(program: Path | None = None, **variables: str) -> Server:
        argv = [*users_api.argv[:-1], str(program or users_api.argv[-1])]
        server = run_program(users_api._replace(argv=argv), **variables)
        server.port = int(server.wait_for("Serving on http://0.0.0.0:").split()[0])
        return server

    return begin


@pytest.fixture(scope="module")
def server(start: Start) -> Server:
    """One server for all tests that leave it running."""
    return start(DRAIN_SECONDS="0")
