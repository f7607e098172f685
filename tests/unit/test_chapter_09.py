"""The exercises of chapter 09."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, cast

import pytest

from lab_helpers import Check, CommandError, Exercise, Lab


def sensor(*, value: str = "40", comparator: str = ">", tick: bool = True,
           hello: str = "call || tick") -> dict[str, Any]:  # fmt: skip
    rule = {"path": "body.temperature", "type": "number", "comparator": comparator,
            "value": [value]}  # fmt: skip
    dependencies: list[dict[str, Any]] = [
        {"name": "call", "eventSourceName": "webhook", "eventName": "example"},
        {"name": "hot", "eventSourceName": "webhook", "eventName": "example",
         "filters": {"data": [rule]}},
    ]  # fmt: skip
    if tick:
        dependencies.append({"name": "tick", "eventSourceName": "clock", "eventName": "tick"})
    triggers = [{"template": {"name": "hello", "conditions": hello}}]
    return {"spec": {"dependencies": dependencies, "triggers": triggers}}


class Cluster:
    """A cluster with some objects, by kind."""

    def __init__(self, **objects: dict[str, Any]) -> None:
        self.objects = objects

    def name(self, name: str) -> str:
        return name

    def get(self, kind: str, *_: str, **__: str) -> dict[str, Any]:
        if kind not in self.objects:
            raise CommandError(["kubectl"], 1, "not found")
        return deepcopy(self.objects[kind])


def look(key: str, **objects: dict[str, Any]) -> Check:
    return Exercise.named(key).look(cast(Lab, Cluster(**objects)))


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ({"value": "30"}, "what is > 30 passes"),
        ({"comparator": ">="}, "what is >= 40 passes"),
    ],
)
def test_another_threshold_gets_a_hint(said: dict[str, str], hint: str) -> None:
    check = look("09/hotter", sensor=sensor(**cast(Any, said)))
    assert not check.holds
    assert hint in check.seen


def test_a_sensor_that_is_not_there_gets_a_hint() -> None:
    assert "there is no sensor greet yet" in look("09/hotter").seen


@pytest.mark.parametrize(
    ("objects", "hint"),
    [
        ({}, "there is no eventsource clock yet"),
        ({"eventsource": {}, "sensor": sensor(tick=False)}, "and on no tick"),
        ({"eventsource": {}, "sensor": sensor(hello="call")}, "waits for 'call' only"),
        ({"eventsource": {}, "sensor": sensor(hello="call && tick")}, "one of both"),
    ],
)
def test_a_clock_that_nobody_hears_gets_a_hint(objects: dict[str, Any], hint: str) -> None:
    check = look("09/clock", **objects)
    assert not check.holds
    assert hint in check.seen


def test_what_is_asked_for_passes() -> None:
    assert look("09/hotter", sensor=sensor()).holds
    assert look("09/clock", sensor=sensor(), eventsource={}).holds
