"""Chapter 09: a filter that lets less pass, and a second source."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from .._exceptions import CommandError, Hint
from ..checks import Exercise
from ..event_bus import make_secret

if TYPE_CHECKING:
    from .._lab import Lab

NAMESPACE = "argo-example"
SENSOR = "greet"
HOT, TICK, CLOCK = "hot", "tick", "clock"
DEGREES = 40
CHAPTER = "chapters/09-trigger-functions-with-argo-events"


def threshold(degrees: int) -> list[dict[str, Any]]:
    """The change that has the filter let pass what is above so many degrees."""
    where = "/spec/dependencies/1/filters/data/0/value"
    return [{"op": "replace", "path": where, "value": [str(degrees)]}]


def ticking(conditions: str) -> list[dict[str, Any]]:
    """The change that has the sensor depend on the clock."""
    dependency = {"name": TICK, "eventSourceName": CLOCK, "eventName": TICK}
    return [
        {"op": "add", "path": "/spec/dependencies/-", "value": dependency},
        {"op": "replace", "path": "/spec/triggers/0/template/conditions", "value": conditions},
    ]


def change(lab: Lab, changes: list[dict[str, Any]]) -> None:
    """Change the sensor."""
    lab.kubectl("patch", "sensor", SENSOR, "--namespace", lab.name(NAMESPACE),
                "--type=json", "--patch", json.dumps(changes))  # fmt: skip


def set_clock(lab: Lab, conditions: str) -> None:
    """Put up the clock, and have the sensor depend on it."""
    lab.apply(f"{CHAPTER}/clock.yaml")
    change(lab, ticking(conditions))


def provide(lab: Lab) -> None:
    """All that the chapter has by the time its exercises begin: bus, source, sensor, function."""
    folder, namespace = lab.manifests(CHAPTER.removeprefix("chapters/")), lab.name(NAMESPACE)
    lab.push_image("nats")
    lab.push_function("event-display", tag="v1")
    faas = lab.openfaas()
    faas.up("hello-python")
    lab.kubectl("apply", "-f", folder / "namespace.yaml")
    if not lab.kubectl("get", "secret", "bus", "-n", namespace, "--ignore-not-found"):
        make_secret(lab, namespace)
    for name in ("bus", "webhook", "displays"):
        lab.kubectl("apply", "-f", folder / f"{name}.yaml")
    called = faas.url("hello-python").rpartition("/")[2]
    sensor = (folder / "sensor.yaml").read_text()
    lab.kubectl("apply", "-f", "-", stdin=sensor.replace("/hello-python", f"/{called}"))
    lab.kubectl("rollout", "status", "statefulset/bus", "-n", namespace, "--timeout=60s")
    lab.wait(f"sensor/{SENSOR}", "Deployed", namespace=namespace)
    for label in ("eventsource-name=webhook", f"sensor-name={SENSOR}"):
        lab.wait_until(label, partial(lab.ready_pods, namespace, label))


def _get(lab: Lab, kind: str, name: str) -> dict[str, Any]:
    try:
        return lab.get(kind, name, namespace=lab.name(NAMESPACE))
    except CommandError as missing:
        raise Hint(f"there is no {kind} {name} yet") from missing


def _dependency(sensor: dict[str, Any], name: str) -> dict[str, Any]:
    known = {each["name"]: each for each in sensor["spec"]["dependencies"]}
    if name not in known:
        raise Hint(f"the sensor depends on {', '.join(known)}, and on no {name}")
    found: dict[str, Any] = known[name]
    return found


def _judge_hotter(lab: Lab) -> str:
    hot = _dependency(_get(lab, "sensor", SENSOR), HOT)
    data = hot.get("filters", {}).get("data", [])
    if len(data) != 1:
        raise Hint(f"{HOT} has {len(data)} filters of data; one is enough")
    (rule,) = data
    if rule["path"] != "body.temperature":
        raise Hint(f"the filter looks at {rule['path']}, not at body.temperature")
    said = f"{rule.get('comparator', '=')} {', '.join(rule['value'])}"
    if said != f"> {DEGREES}":
        raise Hint(f"what is {said} passes; it should be > {DEGREES}")
    return f"{HOT} lets pass what is above {DEGREES} degrees"


def _judge_clock(lab: Lab) -> str:
    _get(lab, "eventsource", CLOCK)
    sensor = _get(lab, "sensor", SENSOR)
    tick = _dependency(sensor, TICK)
    source = (tick["eventSourceName"], tick["eventName"])
    if source != (CLOCK, TICK):
        raise Hint(f"{TICK} is {source[1]} of the source {source[0]}, not {TICK} of {CLOCK}")
    conditions = {
        each["template"]["name"]: each["template"].get("conditions", "")
        for each in sensor["spec"]["triggers"]
    }
    said = conditions.get("hello", "")
    if TICK not in said:
        raise Hint(f"the sensor knows {TICK}, but the trigger hello waits for {said!r} only")
    if "||" not in said:
        raise Hint(f"hello waits for {said!r}; one of both should be enough")
    return f"hello is pulled by {said}"


def _solve_hotter(lab: Lab) -> None:
    change(lab, threshold(DEGREES))


def _solve_clock(lab: Lab) -> None:
    set_clock(lab, f"call || {TICK}")


EXERCISES = (
    Exercise("09/hotter", "only what is above 40 is a warning", _judge_hotter, _solve_hotter,
             NAMESPACE),
    Exercise("09/clock", "the function is called at each tick, too", _judge_clock, _solve_clock,
             NAMESPACE),
)  # fmt: skip
