"""Chapter 07: a trigger that takes more, and letters that are not lost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .._exceptions import CommandError, Hint, WaitTimeout
from ..checks import Exercise

if TYPE_CHECKING:
    from .._lab import Lab

NAMESPACE = "event-example"
PREFIXED, LETTERED = "hello-display", "goodbye-display"
"""The triggers that are to be changed."""
BEGINNING = "greeting"
SINK, RETRIES = "dead-letters", 2


def patch(trigger: str, spec: dict[str, Any]) -> str:
    """The command that changes a trigger."""
    changes = json.dumps({"spec": spec}).replace("{", "{{").replace("}", "}}")
    return f"patch trigger {trigger} -n {{namespace}} --type=merge -p '{changes}'"


def letters(retry: int, sink: str) -> dict[str, Any]:
    """What a trigger says of events that its subscriber fails on."""
    service = {"apiVersion": "v1", "kind": "Service", "name": sink}
    return {
        "delivery": {
            "retry": retry,
            "backoffPolicy": "exponential",
            "backoffDelay": "PT0.2S",
            "deadLetterSink": {"ref": service},
        }
    }


def _trigger(lab: Lab, name: str) -> dict[str, Any]:
    try:
        return lab.get("trigger", name, namespace=lab.name(NAMESPACE))
    except CommandError as missing:
        raise Hint(f"there is no trigger {name}; run the cells above first") from missing


def _require_ready(lab: Lab, name: str) -> None:
    try:
        lab.wait(f"trigger/{name}", "Ready", namespace=lab.name(NAMESPACE), timeout=20)
    except WaitTimeout as late:
        raise Hint(f"the trigger {name} is not ready: {late.last}") from late


def _judge_prefix(lab: Lab) -> str:
    trigger = _trigger(lab, PREFIXED)
    filters = trigger["spec"].get("filters")
    if not filters:
        asked = trigger["spec"].get("filter", {}).get("attributes", {})
        raise Hint(
            f"{PREFIXED} has no filters, only filter, which compares whole values: {asked}; "
            "kubectl explain trigger.spec.filters says what there is"
        )
    if len(filters) > 1:
        raise Hint(f"{PREFIXED} has {len(filters)} filters, which all have to let an event pass")
    asked = filters[0].get("prefix", {})
    if not asked:
        raise Hint(f"the filter is {json.dumps(filters[0])}; it is to look at how a type begins")
    if asked != {"type": BEGINNING}:
        raise Hint(f"the filter asks for {json.dumps(asked)}, and not for the type {BEGINNING}")
    _require_ready(lab, PREFIXED)
    return f"{PREFIXED} gets every type that begins with {BEGINNING}"


def _judge_letters(lab: Lab) -> str:
    trigger = _trigger(lab, LETTERED)
    delivery = trigger["spec"].get("delivery")
    if not delivery:
        raise Hint(f"{LETTERED} says nothing of delivery, so the broker's ten retries hold")
    sink = delivery.get("deadLetterSink", {}).get("ref", {}).get("name")
    if sink is None:
        raise Hint(f"{LETTERED} has no deadLetterSink: what cannot be delivered is dropped")
    if sink != SINK:
        raise Hint(f"the dead letters go to {sink}, not to {SINK}")
    retries = delivery.get("retry")
    if retries != RETRIES:
        raise Hint(
            f"an event is tried again {retries or 0} times, not {RETRIES}; "
            "the first time is not counted"
        )
    if not {"backoffPolicy", "backoffDelay"} <= set(delivery):
        raise Hint("without backoffPolicy and backoffDelay it is tried again without any pause")
    _require_ready(lab, LETTERED)
    return f"after {RETRIES} retries the event goes to {SINK}"


EXERCISES = (
    Exercise(
        "07/prefix",
        "every greeting reaches hello-display",
        _judge_prefix,
        (patch(PREFIXED, {"filters": [{"prefix": {"type": BEGINNING}}]}),),
        NAMESPACE,
    ),
    Exercise(
        "07/letters",
        "what goodbye-display fails on is kept",
        _judge_letters,
        (patch(LETTERED, letters(RETRIES, SINK)),),
        NAMESPACE,
    ),
)
