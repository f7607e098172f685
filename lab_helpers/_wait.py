"""The one way to wait."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from ._exceptions import LabError, WaitTimeout

T = TypeVar("T")

_LONGEST_PAUSE = 1.0
"""Seconds. Looking costs processor time that what is awaited needs, too: a pause is as long as the
look before it, up to this; a look that itself waited for an answer costs nothing."""


class NotYet(LabError):
    """Raised by a probe: the awaited state is not there yet; the text is what was seen."""


def until(
    what: str,
    probe: Callable[[], T],
    *,
    timeout: float,
    interval: float = 0.1,
    events: Callable[[], str] = lambda: "",
) -> T:
    """Call ``probe`` until it returns, and give back what it returned.

    :param what: what is awaited, for the error.
    :param probe: raises :class:`NotYet` as long as the state is not there. Any other error
        ends the wait at once: what cannot get better is not waited for.
    :param timeout: seconds.
    :param interval: seconds between two calls, at least; on a busy machine it is more.
    :param events: called on a time-out, for events that may explain it.
    :raises WaitTimeout: with the last state seen and the events.
    """
    deadline = time.monotonic() + timeout
    while True:
        began = time.monotonic()
        try:
            return probe()
        except NotYet as state:
            if time.monotonic() >= deadline:
                raise WaitTimeout(what, timeout, state.what, _had(events)) from state
        time.sleep(max(interval, min(time.monotonic() - began, _LONGEST_PAUSE)))


def pause_until(moment: float) -> None:
    """Let time pass, for what has to happen at certain times. Nothing is awaited like this.

    :param moment: by ``time.perf_counter``; one that is over is now.
    """
    time.sleep(max(0.0, moment - time.perf_counter()))


def _had(events: Callable[[], str]) -> str:
    """The events, or why they cannot be had: that must not hide what was waited for."""
    try:
        return events()
    except LabError as refused:
        return str(refused)
