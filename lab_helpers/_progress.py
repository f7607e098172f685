"""A line for every long step: what, how far, how long so far. Always on stderr."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from ._exceptions import LabError

HEARTBEAT = 20.0
"""Seconds between two lines of one step where there is no terminal to redraw."""


@cache
def console() -> Console:
    """The console for people; stdout is left to results."""
    return Console(stderr=True, highlight=False)


class Step:
    """One long step under way; :meth:`update` says how far it is."""

    def __init__(self, what: str, task: TaskID | None) -> None:
        self.what = what
        self.started = time.monotonic()
        self._task = task
        self._last_line = self.started

    @property
    def elapsed(self) -> float:
        """Seconds since the step began."""
        return time.monotonic() - self.started

    def update(self, detail: str) -> None:
        """Show how far the step is."""
        if self._task is not None:
            _board.progress.update(self._task, detail=escape(detail[:60]))
        elif time.monotonic() - self._last_line > HEARTBEAT:
            self._last_line = time.monotonic()
            say(f"  … {escape(self.what)}: {escape(detail[:90])} ({self.elapsed:.0f} s)")


class _Board:
    """The steps that are on the terminal now; drawn only while there are any."""

    def __init__(self) -> None:
        self.progress = Progress(
            SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[detail]}"), console=console(), transient=True,
        )  # fmt: skip
        self._lock = Lock()
        self._open = 0

    def add(self, what: str) -> TaskID:
        with self._lock:
            self._open += 1
            if self._open == 1:
                self.progress.start()
            return self.progress.add_task(escape(what), total=None, detail="")

    def remove(self, task: TaskID) -> None:
        with self._lock:
            self.progress.remove_task(task)
            self._open -= 1
            if self._open == 0:
                self.progress.stop()


_board = _Board()


@contextmanager
def step(what: str) -> Iterator[Step]:
    """Show a step while the block runs, and leave one line of how it ended."""
    task = _board.add(what) if console().is_terminal else None
    current = Step(what, task)
    try:
        yield current
    except BaseException:
        _finish(current, task, "[red]✗[/red]")
        raise
    _finish(current, task, "[green]✓[/green]")


def _finish(current: Step, task: TaskID | None, mark: str) -> None:
    if task is not None:
        _board.remove(task)
    say(f"{mark} {escape(current.what)} [dim]{current.elapsed:.1f} s[/dim]")


def say(text: str) -> None:
    """One line for people."""
    console().print(text, soft_wrap=True)


def print_error(failed: LabError) -> None:
    """One line each for what failed, what was seen and what to try."""
    out = console()
    out.print(f"[red]error:[/red] {escape(failed.what)}", soft_wrap=True)
    if failed.seen:
        out.print(f"[dim]seen:[/dim]  {escape(failed.seen)}", soft_wrap=True)
    if failed.remedy:
        out.print(f"[green]try:[/green]   {escape(failed.remedy)}", soft_wrap=True)
