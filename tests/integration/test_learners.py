"""What learners on one cluster share, and what they do not"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from statistics import median

import pytest

from lab_helpers import Check, Lab, course, record
from lab_helpers._config import settings
from lab_helpers._files import remove_tree
from lab_helpers._manifests import LEARNER

from .support import command, post

CHAPTER = course.chapters()[0]


@pytest.fixture
def learners(lab: Lab) -> Iterator[list[Lab]]:
    """Two learners that nobody else is, and nothing of them afterwards."""
    both = [
        Lab(lab.connection, chapter=CHAPTER.number, learner=f"{name}{secrets.token_hex(3)}")
        for name in ("ann", "bob")
    ]
    yield both
    for each in both:
        lab.kubectl("delete", "namespace", "--selector", f"{LEARNER}={each.learner}", "--wait")
        lab.delete("configmap", each.name(record.NAME), namespace=record.NAMESPACE)
        remove_tree(settings().build / "manifests" / each.learner)
        close(each)


def close(lab: Lab) -> None:
    with ExitStack() as open_ones:
        for client in ("http", "api"):
            if client in vars(lab):
                open_ones.enter_context(closing(getattr(lab, client)))


def become(learner: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is started or asked from now on is this learner's."""
    monkeypatch.setenv("LAB_LEARNER", learner.learner)
    settings.cache_clear()


@pytest.fixture(autouse=True)
def _nobody_else_afterwards(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    yield
    monkeypatch.undo()
    settings.cache_clear()


def own(lab: Lab) -> list[str]:
    found = lab.get("namespaces", selector=f"{LEARNER}={lab.learner}")["items"]
    return [each["metadata"]["name"] for each in found]


def test_the_same_manifests_serve_two_learners(
    learners: list[Lab], monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in learners:
        each.apply(f"chapters/{CHAPTER.name}")
    for each in learners:
        assert own(each) == [each.name("first-steps")]
        each.wait_for_page("hello", timeout=60)
        each.wait_for_page("notes", timeout=60)
        # Notes asks the hello that is next to it.
        assert post(each, "notes", "/echo", "hello?") == ["hello?"]
    ann, bob = learners
    become(ann, monkeypatch)
    course.reset(ann.connection, CHAPTER)
    assert own(ann) == []
    assert own(bob) == [bob.name("first-steps")]
    assert bob.http.get(bob.url("hello")).is_success


def test_going_to_a_chapter_takes_away_what_was_done_in_it(
    learners: list[Lab], monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob = learners
    for each in learners:
        each.apply(f"chapters/{CHAPTER.name}/namespace.yaml")
        each.check("one pod is ready", True, seen="a pod")
    become(ann, monkeypatch)
    course.goto(ann.connection, CHAPTER)
    assert own(ann) == []
    assert own(bob) != []
    assert record.read(ann.connection, learner=ann.learner), "the record is kept"


def test_checks_that_pass_at_the_same_time_are_all_recorded(lab: Lab, learners: list[Lab]) -> None:
    """From the very first one on, when there is no record yet."""
    ann = learners[0]
    writers = [Lab(lab.connection, chapter="01", learner=ann.learner) for _ in range(4)]

    def pass_some(place: int) -> None:
        for each in range(5):
            writers[place].check(f"claim {place} {each}", True, seen=each)

    with ThreadPoolExecutor(len(writers)) as pool:
        list(pool.map(pass_some, range(len(writers))))
    noted = record.read(lab.connection, learner=ann.learner)
    assert noted is not None
    assert set(noted) == {f"01.claim-{place}-{each}" for place in range(4) for each in range(5)}
    assert noted["01.claim-3-4"]["seen"] == "4"
    assert record.read(lab.connection, learner=learners[1].learner) == {}
    for each in writers:
        close(each)


def test_a_check_that_fails_is_not_recorded(learners: list[Lab]) -> None:
    ann = learners[0]
    assert not ann.check("pigs fly", False, seen="a pig").holds
    assert record.read(ann.connection, learner=ann.learner) == {}


def test_status_counts_what_a_learner_passed(
    learners: list[Lab], monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob = learners
    ann.check("one pod is ready", True)
    for each, passed in ((ann, 1), (bob, 0)):
        become(each, monkeypatch)
        found = json.loads(command("status", "--json"))["chapters"][0]
        assert (found["passed"], found["checks"]) == (passed, len(CHAPTER.checks))


def test_recording_a_check_costs_little(learners: list[Lab]) -> None:
    ann = learners[0]
    ann.check("the first one connects", True)
    costs = []
    for _ in range(20):
        began = time.monotonic()
        record.keep(ann, "01.x", Check("x", True))
        costs.append(time.monotonic() - began)
    assert median(costs) < 0.05
