"""Every error of the course, in one tree.

LabError                  something failed: what, what was seen, what to try
├── UsageError            the caller asked for something that does not exist (exit code 2)
├── Unsupported           this machine cannot do it, and what works here instead
├── CommandError          a program ended with an error
├── WaitTimeout           something awaited did not come
├── CheckFailed           a claim about the cluster does not hold
└── Hint                  an exercise is not done yet: what is missing
"""

from __future__ import annotations

import errno
from collections.abc import Sequence


class LabError(Exception):
    """Something failed.

    :param what: what failed, one line.
    :param seen: what was seen (an output's tail, a state), may span lines.
    :param remedy: what to try next, one line.
    """

    exit_code = 1

    def __init__(self, what: str, *, seen: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.seen = seen.strip()
        self.remedy = remedy

    def __str__(self) -> str:
        parts = [self.what]
        if self.seen:
            parts.append(f"seen: {self.seen}")
        if self.remedy:
            parts.append(f"try: {self.remedy}")
        return "\n".join(parts)


class UsageError(LabError):
    """The caller named something that does not exist or does not fit."""

    exit_code = 2


class Unsupported(LabError):
    """This machine, or this user, cannot do what was asked."""


class CommandError(LabError):
    """A program ended with an error.

    :param argv: the command as it was run.
    :param returncode: its exit code, negative for a signal.
    :param output: the end of what it printed.
    """

    def __init__(
        self, argv: Sequence[str], returncode: int | None, output: str, *, remedy: str = ""
    ) -> None:
        self.argv = list(argv)
        self.returncode = returncode
        self.output = output
        how = "timed out" if returncode is None else f"exit code {returncode}"
        super().__init__(f"{' '.join(argv)}: {how}", seen=tail(output), remedy=remedy)


class WaitTimeout(LabError):
    """Something awaited did not come in time.

    :param what: what was awaited.
    :param seconds: for how long.
    :param last: the last state seen.
    :param events: recent events that may explain it.
    """

    def __init__(self, what: str, seconds: float, last: str, events: str = "") -> None:
        seen = last if not events else f"{last}\nrecent events:\n{events}"
        super().__init__(f"waited {seconds:g} s for {what}", seen=seen)
        self.last = last
        self.events = events


class CheckFailed(LabError):
    """A claim about the cluster does not hold."""


class Hint(LabError):
    """An exercise is not done yet: what is missing, in words that lead on."""


class UnderWay(Hint):
    """What an exercise asks for is done, and the cluster has not come to it yet: what there is."""


def tail(text: str, lines: int = 12) -> str:
    """The last lines of an output, which is where programs say why they ended."""
    return "\n".join(text.strip().splitlines()[-lines:])


def explained(refused: OSError) -> LabError:
    """The system's refusal in words, with a remedy where there is one."""
    full = refused.errno in (errno.ENOSPC, errno.EDQUOT)
    return LabError(
        refused.strerror or str(refused),
        seen=str(refused.filename or ""),
        remedy="free some space (df -h), and run it again" if full else "",
    )
