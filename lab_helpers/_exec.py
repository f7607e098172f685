"""The one way to run a program."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from ._config import environment, settings
from ._exceptions import CommandError, Unsupported

Argument = str | Path
Process = subprocess.Popen[str]
PYTHON: tuple[Argument, ...] = (sys.executable, "-P")
"""This interpreter, which never imports from the folder it happens to be started in."""


def run(
    argv: Sequence[Argument],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | None = None,
    timeout: float | None = None,
    remedy: str = "",
) -> str:
    """Run a program to its end and return what it printed on stdout.

    :param timeout: seconds until it is killed.
    :raises CommandError: it could not be started, failed, or timed out.
    """
    words = [str(word) for word in argv]
    try:
        done = subprocess.run(
            words, env=env, cwd=cwd, input=stdin, timeout=timeout, capture_output=True,
            text=True, errors="replace", check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as late:
        raise CommandError(words, None, _text(late.stderr) or _text(late.stdout)) from late
    except OSError as refused:
        raise CommandError(words, 127, str(refused), remedy=remedy) from refused
    if done.returncode != 0:
        raise CommandError(words, done.returncode, done.stderr or done.stdout, remedy=remedy)
    return done.stdout


def stream(
    argv: Sequence[Argument],
    *,
    on_line: Callable[[str], None],
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    remedy: str = "",
) -> None:
    """Run a long program, handing on each line it prints as it comes.

    The program gets a process group of its own and never outlives the call: an interrupted
    caller leaves nothing behind that still writes.

    :raises CommandError: it failed; carries the end of its output.
    """
    words = [str(word) for word in argv]
    lines: list[str] = []
    try:
        process = subprocess.Popen(
            [*ENDS_WITH_US, *words], env=env, cwd=cwd, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
            start_new_session=True,
        )  # fmt: skip
    except OSError as refused:
        raise CommandError(words, 127, str(refused), remedy=remedy) from refused
    with process:
        try:
            for line in process.stdout or ():
                lines = [*lines[-39:], line.rstrip()]
                on_line(lines[-1])
        except BaseException:
            _end_group(process)
            raise
    if process.returncode != 0:
        raise CommandError(words, process.returncode, "\n".join(lines), remedy=remedy)


ENDS_WITH_US = ("setpriv", "--pdeathsig", "TERM", "--") if sys.platform == "linux" else ()
"""However this process ends, what it streams from ends as well."""


def _end_group(process: subprocess.Popen[str]) -> None:
    """End a program and what it started: asked first, then made to."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(process.pid, sign)
            process.wait(timeout=2)


def call(
    argv: Sequence[Argument], *, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> int:
    """Run a program on this terminal and return its exit code.

    Ctrl-C reaches the program by itself, SIGTERM is handed on; it is given the time to tidy up.
    """
    with subprocess.Popen([str(word) for word in argv], env=env, cwd=cwd) as process:

        def hand_on(number: int, _: object) -> None:
            process.send_signal(number)

        before = {s: signal.signal(s, hand_on) for s in (signal.SIGTERM, signal.SIGHUP)}
        try:
            while True:
                with suppress(KeyboardInterrupt):
                    return process.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def spawn(
    argv: Sequence[Argument],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Process:
    """Start a program that outlives this one, its output appended to a file."""
    with log.open("a") as sink:
        return subprocess.Popen(
            [str(word) for word in argv], env=env, cwd=cwd, stdin=subprocess.DEVNULL,
            stdout=sink, stderr=sink, text=True, start_new_session=True,
        )  # fmt: skip


def replace(argv: Sequence[Argument], *, env: Mapping[str, str] | None = None) -> None:
    """Become another program (it keeps the terminal, the signals and the exit code)."""
    words = [str(word) for word in argv]
    os.execvpe(words[0], words, dict(env if env is not None else environment()))


def as_root(argv: Sequence[Argument], **variables: str) -> list[Argument]:
    """The command, through sudo where this process is not root already.

    :param variables: the environment it needs; sudo would drop some of it on its own.
    :raises Unsupported: neither root nor sudo is to be had.
    """
    command: list[Argument] = ["env", *(f"{k}={v}" for k, v in variables.items()), *argv]
    if settings().is_root:
        return command
    if shutil.which("sudo") is None:
        raise Unsupported(
            "the embedded cluster needs root, and this user has neither root nor sudo",
            remedy="run as root, or install sudo and let this user use it",
        )
    return ["sudo", *command]


def _text(output: str | bytes | None) -> str:
    return output.decode(errors="replace") if isinstance(output, bytes) else output or ""
