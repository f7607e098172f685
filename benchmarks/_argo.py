"""Argo Events, from its webhook to a program that shows what came, with the objects of chapter 09.

The floor is an event that is sent straight to that program.
"""

from __future__ import annotations

import sys
import time
from contextlib import redirect_stdout
from statistics import median
from typing import Any

from lab_helpers import Lab, _progress, components
from lab_helpers.cloud_events import journeys
from lab_helpers.displays import Display
from lab_helpers.exercises import chapter_09
from lab_helpers.functions import find
from lab_helpers.images import CATALOGUE
from lab_helpers.load import hammer

COMPONENTS = ("argo-events", "openfaas")
FUNCTIONS = ("event-display", "hello-python")
ROUNDS = 60
MANY = 500
"""Calls of the webhook for the throughput, from eight clients."""

Figures = dict[str, float]


def artifacts() -> list[Any]:
    """What has to be built before anything is measured."""
    declared = [
        part for name in COMPONENTS for part in components.artifacts(components.declaration(name))
    ]
    functions = [part for name in FUNCTIONS for part in find(name).artifacts]
    return [*declared, CATALOGUE["nats"].artifact, *functions]


def measure(lab: Lab) -> dict[str, Figures]:
    """Measure.

    Shape: ``{"figures": {"argo_event_ms", "argo_events_per_s", "argo_straight_ms"},
    "ratios": {"argo_event_to_straight"}}``.
    """
    for name in COMPONENTS:
        lab.enable(name)
    # The commands that a learner sees are no part of the result.
    with redirect_stdout(sys.stderr):
        chapter_09.provide(lab)
    display, webhook = Display(lab, "display"), lab.url("webhook", "/example")
    lab.wait_for_page(display.name)
    _wait_until_heard(lab, webhook, display)
    with _progress.step(f"call the webhook {ROUNDS} times, then {MANY} times at once"):
        straight = journeys(lab, display.address, display, count=ROUNDS, type="x", source="bench")
        took = _one_by_one(lab, webhook, display)
        rate = _at_once(lab, webhook, display)
    figures = {
        "argo_event_ms": median(took),
        "argo_events_per_s": rate,
        "argo_straight_ms": median(straight),
    }
    ratios = {"argo_event_to_straight": median(took) / median(straight)}
    return {"figures": figures, "ratios": ratios}


def _wait_until_heard(lab: Lab, webhook: str, display: Display) -> None:
    """Wait until the sensor is connected to the bus."""

    def heard() -> bool:
        return lab.http.post(webhook, json={}).is_success and bool(display.events())

    lab.wait_until("the sensor to hear the webhook", heard)


def _one_by_one(lab: Lab, webhook: str, display: Display) -> list[float]:
    display.forget()
    began = []
    for number in range(ROUNDS):
        began.append(time.time())
        lab.http.post(webhook, json={"number": number}).raise_for_status()
        lab.wait_until("it", lambda number=number: len(display.events()) > number)
    came = [each.arrivals[0].timestamp() for each in display.events()]
    return [1000 * (end - begin) for begin, end in zip(began, came, strict=True)]


def _at_once(lab: Lab, webhook: str, display: Display) -> float:
    display.forget()
    began = time.time()
    load = hammer(lab.http, webhook, count=MANY, method="POST", content="{}")
    lab.wait_until("all of them", lambda: len(display.events()) >= MANY - load.lost, timeout=120)
    return (MANY - load.lost) / (display.events()[-1].arrivals[0].timestamp() - began)
