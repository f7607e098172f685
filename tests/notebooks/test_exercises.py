"""Each exercise three ways: not done, done wrongly, and solved"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from lab_helpers import Exercise, Lab, course
from lab_helpers.exercises import ALL


@dataclass(frozen=True)
class Mistake:
    """What a learner is likely to do instead.

    :ivar steps: of the form of a solution.
    :ivar hint: words of the hint that it must get, and that doing nothing must not get.
    """

    steps: tuple[str, ...] | Callable[[Lab], object]
    hint: str


MISTAKES = {
    "01/scale": Mistake(
        ("scale deployment/hello --replicas=5 -n {namespace}",), "asks for 5 replicas, not 4"
    ),
    "01/greeting": Mistake(
        ("set env deployment/hello PODINFO_UI_MESSAGE='hello learner' -n {namespace}",),
        "'hello learner', not 'Hello, learner'",
    ),
    "01/heal": Mistake(
        ("set image deployment/patient patient=podinfo:v6.9.2 -n {namespace}",),
        "the image is 'podinfo:v6.9.2'; the registry has it as",
    ),
}


def prepare_chapter_01(lab: Lab) -> None:
    folder, namespace = lab.manifests("01-install-the-cluster"), lab.name("first-steps")
    lab.kubectl("apply", "--server-side", "--force-conflicts", "--kustomize", folder)
    lab.kubectl("rollout", "status", "deployment/hello", "-n", namespace, "--timeout=60s")
    lab.wait_for_page("hello")


PREPARE = {"01": prepare_chapter_01}
"""Brings the cluster to where a chapter's exercises begin, whatever was done to them before."""


def test_every_exercise_has_a_declared_mistake() -> None:
    assert set(MISTAKES) == set(ALL)
    assert {key[:2] for key in ALL} == set(PREPARE)


@pytest.fixture(scope="module")
def with_images(lab: Lab) -> Iterator[Lab]:
    lab.push_image("podinfo")
    yield lab
    for number in PREPARE:
        course.reset(lab.connection, *course.select([number]))


@pytest.fixture(params=ALL)
def exercise(request: pytest.FixtureRequest, with_images: Lab) -> Exercise:
    """An exercise that nothing has been done about."""
    PREPARE[request.param[:2]](with_images)
    return Exercise.named(request.param)


@pytest.fixture
def learner(lab: Lab) -> Iterator[Lab]:
    """The same cluster with somebody who reads."""
    reading = Lab(lab.connection, solve=False)
    yield reading
    reading.http.close()


def test_doing_nothing_gets_a_hint(exercise: Exercise, learner: Lab) -> None:
    look = learner.exercise(exercise.key)
    assert not look.holds
    assert look.seen
    assert look.seen in repr(look)
    assert MISTAKES[exercise.key].hint not in look.seen


def test_a_known_mistake_gets_a_hint_of_its_own(exercise: Exercise, learner: Lab) -> None:
    mistake = MISTAKES[exercise.key]
    exercise.do(learner, mistake.steps)
    look = learner.exercise(exercise.key)
    assert not look.holds
    assert mistake.hint in look.seen


def test_the_solution_passes(exercise: Exercise, lab: Lab, learner: Lab) -> None:
    assert lab.exercise(exercise.key).holds
    assert learner.exercise(exercise.key).holds, "nor is it solved only for a moment"
