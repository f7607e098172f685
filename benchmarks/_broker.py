"""Knative's broker and its channel in memory, with the objects of chapter 07."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from lab_helpers import Lab, LabError, _progress, components
from lab_helpers._config import settings
from lab_helpers.cloud_events import journeys, wait_for_routes
from lab_helpers.cluster.embedded.node import Node
from lab_helpers.displays import Display
from lab_helpers.functions import find

from . import _wrk

COMPONENT = "knative-eventing"
FUNCTION = "event-display"
CHAPTER = "07-route-events-with-knative"
NAMESPACE = "event-example"
EVENTS = 200
ROUNDS = 3
MANY = 32
"""Senders at once for the throughput."""
_SCRIPT = Path(__file__).parent / "objects" / "event.lua"

Figures = dict[str, float]


def artifacts() -> list[Any]:
    """What has to be built before anything is measured."""
    declared = components.artifacts(components.declaration(COMPONENT))
    return [*declared, *find(FUNCTION).artifacts, _wrk.artifact()]


def measure(lab: Lab) -> dict[str, Figures]:
    """Measure: a way is an event's to one display; the channel hands each event to two.

    Shape: ``{"figures": {"broker_event_ms", "broker_events_per_s", …}, "ratios": {…}}``.
    """
    lab.enable(COMPONENT)
    display = _set_up(lab)
    took = _latencies(lab, display)
    passed = _throughput(lab)
    ways = ("broker", "channel")
    return {
        "figures": {
            **{f"{way}_event_ms": took[way] for way in ways},
            **{f"{way}_events_per_s": passed[way] for way in ways},
            "straight_to_display_ms": took["straight"],
            "straight_to_display_per_s": passed["straight"],
        },
        "ratios": {
            **{f"{way}_event_to_straight": took[way] / took["straight"] for way in ways},
            **{f"{way}_events_per_s_to_straight": passed[way] / passed["straight"] for way in ways},
        },
    }


def _set_up(lab: Lab) -> Display:
    lab.push_function(FUNCTION, tag="v1")
    lab.kubectl("apply", "--kustomize", lab.manifests(CHAPTER))
    lab.wait("broker/default", "Ready", namespace=NAMESPACE)
    wait_for_routes(lab, NAMESPACE)
    for name in ("hello-display", "goodbye-display"):
        lab.wait_for_page(name)
    return Display(lab, "hello-display")


def _latencies(lab: Lab, display: Display) -> Figures:
    """Median milliseconds from before an event is sent until the display has it, one by one."""
    ways = {
        "straight": display.address,
        "broker": lab.url("broker"),
        "channel": lab.url("channel"),
    }
    took: dict[str, list[float]] = {way: [] for way in ways}
    with _progress.step(f"send {EVENTS} events each way"):
        for _ in range(ROUNDS):
            for way, address in ways.items():
                display.forget()
                took[way] += journeys(lab, address, display, count=EVENTS // ROUNDS,
                                      type="greeting", source="bench")  # fmt: skip
    return {way: median(each) for way, each in took.items()}


def _throughput(lab: Lab) -> Figures:
    """Events in a second that are accepted: a channel in memory accepts what it has delivered."""
    node = Node.load(settings().name)
    if node is None:
        raise LabError("the benchmark's cluster is gone")
    pod = partial(_wrk.pod_address, lab)
    system = "knative-eventing"
    ways = {
        "straight": f"{pod(NAMESPACE, 'hello-display')}/",
        "broker": f"{pod(system, 'broker-ingress')}/{NAMESPACE}/default",
        "channel": f"{pod(system, 'imc-dispatcher', port='http-dispatcher')}/{NAMESPACE}/news",
    }
    counted: dict[str, list[float]] = {way: [] for way in ways}
    with _progress.step(f"send as many as pass, from {MANY} at once"):
        # In turns, so that whatever else the machine does strikes all alike.
        for _ in range(ROUNDS):
            for way, address in ways.items():
                measured = _wrk.call(node, address, clients=MANY, script=_SCRIPT)
                counted[way].append(measured.rps)
    return {way: median(each) for way, each in counted.items()}
