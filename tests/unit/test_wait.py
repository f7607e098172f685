"""lab_helpers._wait"""

from __future__ import annotations

import pytest

from lab_helpers import CommandError, LabError, WaitTimeout
from lab_helpers._wait import NotYet, until


def test_it_returns_what_the_probe_returned_once_it_does() -> None:
    calls: list[int] = []

    def probe() -> str:
        calls.append(1)
        if len(calls) < 3:
            raise NotYet("soon")
        return "there"

    assert until("it", probe, timeout=5, interval=0.001) == "there"
    assert len(calls) == 3


def test_a_timeout_carries_the_last_state_and_the_events() -> None:
    states = iter(range(1_000_000))

    def probe() -> None:
        raise NotYet(f"state {next(states)}")

    with pytest.raises(WaitTimeout) as late:
        until("the pod", probe, timeout=0.05, interval=0.01, events=lambda: "Failed: no image")
    assert late.value.what == "waited 0.05 s for the pod"
    assert late.value.last == f"state {next(states) - 1}"
    assert late.value.events == "Failed: no image"


def test_it_looks_once_even_without_any_time() -> None:
    assert until("it", lambda: 42, timeout=0) == 42


@pytest.mark.parametrize("error", [ValueError("a mistake"), LabError("it cannot get better")])
def test_any_other_error_ends_the_wait_at_once(error: Exception) -> None:
    calls: list[int] = []

    def probe() -> None:
        calls.append(1)
        raise error

    with pytest.raises(type(error), match=str(error)):
        until("it", probe, timeout=60, interval=60)
    assert len(calls) == 1


def test_events_are_asked_for_only_when_it_is_late() -> None:
    until("it", lambda: None, timeout=1, events=lambda: pytest.fail("asked for events"))


def test_events_that_cannot_be_had_do_not_hide_the_timeout() -> None:
    """The API may be what one waits for."""

    def probe() -> None:
        raise NotYet("the API does not answer")

    def events() -> str:
        raise CommandError(["kubectl", "get", "events"], 1, "connection refused")

    with pytest.raises(WaitTimeout) as late:
        until("the API", probe, timeout=0, events=events)
    assert late.value.last == "the API does not answer"
