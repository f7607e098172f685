"""The exercises of chapter 07."""

from __future__ import annotations

from typing import Any, cast

import pytest

from lab_helpers import Check, CommandError, Exercise, Lab, WaitTimeout
from lab_helpers.exercises.chapter_07 import letters


class Cluster:
    """A cluster with one trigger, or without it."""

    def __init__(self, spec: dict[str, Any] | None, *, ready: bool = True) -> None:
        self.spec, self.ready = spec, ready

    def name(self, name: str) -> str:
        return name

    def get(self, *_: str, **__: str) -> dict[str, Any]:
        if self.spec is None:
            raise CommandError(["kubectl"], 1, "not found")
        return {"spec": self.spec}

    def wait(self, resource: str, *_: str, **__: object) -> None:
        if not self.ready:
            raise WaitTimeout(resource, 20, "SubscriberResolved=False no such service", "")


def look(key: str, spec: dict[str, Any] | None, *, ready: bool = True) -> Check:
    return Exercise.named(key).look(cast(Lab, Cluster(spec, ready=ready)))


PREFIX = {"filters": [{"prefix": {"type": "greeting"}}]}

PREFIXES: dict[str, tuple[dict[str, Any] | None, str]] = {
    "no trigger": (None, "run the cells above first"),
    "as it was": ({"filter": {"attributes": {"type": "greeting"}}}, "compares whole values"),
    "exact": ({"filters": [{"exact": {"type": "greeting"}}]}, "how a type begins"),
    "another beginning": ({"filters": [{"prefix": {"type": "hello"}}]}, '"hello"'),
    "two": ({"filters": [*PREFIX["filters"], {"exact": {"source": "x"}}]}, "has 2 filters"),
}


@pytest.mark.parametrize(("spec", "hint"), PREFIXES.values(), ids=PREFIXES.keys())
def test_a_filter_that_is_another_one_gets_a_hint(spec: dict[str, Any] | None, hint: str) -> None:
    check = look("07/prefix", spec)
    assert not check.holds
    assert hint in check.seen


def without(*keys: str) -> dict[str, Any]:
    delivery = letters(2, "dead-letters")["delivery"]
    return {"delivery": {key: each for key, each in delivery.items() if key not in keys}}


LETTERS: dict[str, tuple[dict[str, Any] | None, str]] = {
    "as it was": ({}, "says nothing of delivery"),
    "no sink": (without("deadLetterSink"), "has no deadLetterSink"),
    "another sink": (letters(2, "hello-display"), "go to hello-display"),
    "more often": (letters(10, "dead-letters"), "tried again 10 times"),
    "never again": (without("retry"), "tried again 0 times"),
    "without a pause": (without("backoffDelay"), "without any pause"),
}


@pytest.mark.parametrize(("spec", "hint"), LETTERS.values(), ids=LETTERS.keys())
def test_a_delivery_that_is_another_one_gets_a_hint(spec: dict[str, Any], hint: str) -> None:
    check = look("07/letters", spec)
    assert not check.holds
    assert hint in check.seen


@pytest.mark.parametrize(
    ("key", "spec"), [("07/prefix", PREFIX), ("07/letters", letters(2, "dead-letters"))]
)
def test_what_is_asked_for_passes_once_it_is_ready(key: str, spec: dict[str, Any]) -> None:
    assert look(key, spec).holds
    assert "no such service" in look(key, spec, ready=False).seen
