"""lab_helpers.checks and lab_helpers.exercises"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from lab_helpers import (
    Check,
    CheckFailed,
    CommandError,
    Exercise,
    Hint,
    UsageError,
    checks,
    record,
)
from lab_helpers._exceptions import UnderWay
from lab_helpers._lab import Lab
from lab_helpers.cluster import Connection
from lab_helpers.course import chapters
from lab_helpers.exercises import ALL, chapter_01
from lab_helpers.images import CATALOGUE

CONNECTION = Connection(
    "embedded", Path(), "localhost", 8080, "localhost:32000", "localhost:32001", Path()
)


class Recorder(Lab):
    """A lab that notes what it is told to do."""

    def __init__(self, *, solve: bool = False, learner: str = "") -> None:
        super().__init__(CONNECTION, solve=solve, learner=learner)
        self.told: list[tuple[str, ...]] = []

    def kubectl(self, *arguments: Any, **_: Any) -> str:
        self.told.append(arguments)
        return ""


def judge_by_what_was_told(lab: Lab) -> str:
    if not getattr(lab, "told", None):
        raise Hint("nothing was done; try kubectl scale")
    return "seen"


@pytest.fixture
def exercise(monkeypatch: pytest.MonkeyPatch) -> Exercise:
    found = Exercise("99/x", "it is done", judge_by_what_was_told, ("set env A='b c'", "get x"))
    monkeypatch.setitem(ALL, found.key, found)
    return found


def test_a_claim_that_holds_shows_a_tick() -> None:
    assert repr(Check("all is well", True, "seen").report(strict=True)) == "✓ all is well"


def test_a_learner_reads_what_is_missing() -> None:
    failing = Check("all is well", False, "nothing there").report(strict=False)
    assert repr(failing) == "✗ not yet: all is well\n  nothing there"
    assert repr(Check("all is well", False)) == "✗ not yet: all is well"


def test_without_a_learner_a_failing_check_raises() -> None:
    with pytest.raises(CheckFailed, match="not so: all is well") as failed:
        Check("all is well", False, "nothing there").report(strict=True)
    assert failed.value.seen == "nothing there"


def test_a_lab_reports_checks_in_the_same_way() -> None:
    assert Recorder().check("one pod", [], seen=[]).holds is False
    assert Recorder(solve=True).check("one pod", ["pod"]).holds is True
    with pytest.raises(CheckFailed):
        Recorder(solve=True).check("one pod", [])


def test_an_undone_exercise_gives_its_hint(exercise: Exercise) -> None:
    assert "kubectl scale" in repr(Recorder().exercise(exercise.key))


@pytest.mark.parametrize("looks", [1, 3])
def test_what_is_under_way_is_looked_at_again(looks: int) -> None:
    left = [f"{number} pods so far" for number in range(looks)]

    def judge(_: Lab) -> str:
        if left:
            raise UnderWay(left.pop())
        return "all pods"

    assert Exercise("99/x", "all are there", judge, ()).look(Recorder()).seen == "all pods"


def test_what_does_not_come_about_gets_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "PATIENCE", 0.2)

    def judge(_: Lab) -> str:
        raise UnderWay("3 of 4 pods are ready")

    look = Exercise("99/x", "all are there", judge, ()).look(Recorder())
    assert (look.holds, look.seen) == (False, "3 of 4 pods are ready; look again soon")


def test_without_a_learner_the_solution_is_put_in_place(exercise: Exercise) -> None:
    lab = Recorder(solve=True)
    assert repr(lab.exercise(exercise.key)) == "✓ it is done"
    assert lab.told == [("set", "env", "A=b c"), ("get", "x")]


def test_a_learners_exercise_is_not_solved_for_them(exercise: Exercise) -> None:
    lab = Recorder()
    lab.exercise(exercise.key)
    assert lab.told == []


def test_an_error_of_the_judge_is_no_hint() -> None:
    def fail(_: Lab) -> str:
        raise CommandError(["kubectl"], 1, "the API is away")

    with pytest.raises(CommandError):
        Exercise("99/x", "", fail, ()).look(Recorder())


def test_an_unknown_exercise_is_refused() -> None:
    with pytest.raises(UsageError, match="there is no exercise '01/none'") as refused:
        Exercise.named("01/none")
    assert "01/scale" in refused.value.remedy


@pytest.mark.parametrize("key", ALL)
def test_an_exercise_is_named_after_its_chapter(key: str) -> None:
    assert re.fullmatch(r"\d\d/[a-z-]+", key)
    assert key[:2] in [chapter.number for chapter in chapters()]
    assert Exercise.named(key).key == key


@pytest.mark.parametrize("key", ALL)
def test_a_solution_is_made_of_kubectl_commands_or_is_a_function(key: str) -> None:
    exercise = ALL[key]
    assert exercise.solution
    for command in () if callable(exercise.solution) else exercise.solution:
        words = shlex.split(command)
        assert words[0] != "kubectl", "kubectl is added when it is run"
        assert "{namespace}" in words, command
        assert exercise.namespace


def test_chapter_01_heals_with_the_image_that_there_is() -> None:
    assert CATALOGUE["podinfo"].reference.endswith(f"/{chapter_01.GOOD_IMAGE}")


@pytest.mark.parametrize(("learner", "namespace"), [("", "deep"), ("ann", "ann-deep")])
def test_a_command_says_where_this_learner_works(learner: str, namespace: str) -> None:
    lab = Recorder(learner=learner)
    command = 'patch x -n {namespace} -p \'{{"image": "{registry}/lab/x"}}\''
    Exercise("99/x", "", judge_by_what_was_told, (command,), "deep").solve(lab)
    patch = '{"image": "localhost:32000/lab/x"}'
    assert lab.told == [("patch", "x", "-n", namespace, "-p", patch)]


def test_a_solution_can_be_a_function() -> None:
    lab = Recorder()
    Exercise("99/x", "", judge_by_what_was_told, lambda lab: lab.apply("course")).solve(lab)
    assert lab.told[0][0] == "apply"


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> dict[str, Check]:
    """What is put into the record."""
    kept: dict[str, Check] = {}

    def keep(_: Lab, name: str, check: Check) -> None:
        kept[name] = check

    monkeypatch.setattr(record, "keep", keep)
    return kept


def test_what_passes_in_a_chapter_is_recorded(exercise: Exercise, noted: dict[str, Check]) -> None:
    lab = Recorder()
    lab.chapter = "99"
    lab.check("one pod", [], seen="none")
    lab.exercise(exercise.key)
    assert noted == {}, "nothing passed yet"
    lab.check("one pod", ["a"], seen="a")
    lab.kubectl("something")
    lab.exercise(exercise.key)
    assert noted == {
        "99.one-pod": Check("one pod", True, "a"),
        "99.exercise-x": Check("it is done", True, "seen"),
    }


def test_without_a_chapter_nothing_is_recorded(noted: dict[str, Check]) -> None:
    Recorder().check("one pod", ["a"])
    assert noted == {}
