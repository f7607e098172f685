"""lab_helpers._exceptions"""

from __future__ import annotations

import pytest

from lab_helpers import (
    CheckFailed,
    CommandError,
    Hint,
    LabError,
    Unsupported,
    UsageError,
    WaitTimeout,
)
from lab_helpers._exceptions import tail


def test_a_message_says_what_was_seen_and_what_to_try() -> None:
    failed = LabError("it failed", seen="a\nb\n", remedy="try again")
    assert str(failed) == "it failed\nseen: a\nb\ntry: try again"


def test_a_message_leaves_out_what_is_not_known() -> None:
    assert str(LabError("it failed")) == "it failed"
    assert str(LabError("it failed", remedy="wait")) == "it failed\ntry: wait"


@pytest.mark.parametrize("kind", [CheckFailed, Hint, Unsupported])
def test_failures_end_with_1(kind: type[LabError]) -> None:
    assert kind("x").exit_code == 1


def test_what_the_caller_got_wrong_ends_with_2() -> None:
    assert UsageError("x").exit_code == 2


@pytest.mark.parametrize(
    "failed", [CommandError(["a"], 1, ""), WaitTimeout("x", 1, "y"), UsageError("x"), Hint("x")]
)
def test_every_error_can_be_caught_as_one(failed: Exception) -> None:
    assert isinstance(failed, LabError)


def test_a_command_error_carries_command_code_and_the_end_of_the_output() -> None:
    output = "\n".join(f"line {number}" for number in range(100))
    failed = CommandError(["kubectl", "get", "pods"], 3, output, remedy="look")
    assert failed.what == "kubectl get pods: exit code 3"
    assert failed.seen.splitlines()[-1] == "line 99"
    assert len(failed.seen.splitlines()) == 12
    assert failed.output == output
    assert failed.remedy == "look"


def test_a_command_without_an_exit_code_timed_out() -> None:
    assert CommandError(["sleep", "9"], None, "").what == "sleep 9: timed out"


def test_a_timeout_shows_the_last_state_and_the_events() -> None:
    late = WaitTimeout("the pod", 1.5, "Pending", "no node fits")
    assert str(late) == "waited 1.5 s for the pod\nseen: Pending\nrecent events:\nno node fits"
    assert "recent events" not in str(WaitTimeout("the pod", 1.5, "Pending"))


def test_the_tail_of_an_output_ignores_empty_lines_at_its_end() -> None:
    assert tail("a\nb\nc\n\n\n", lines=2) == "b\nc"
