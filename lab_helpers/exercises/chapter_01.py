"""Chapter 01: scale, configure, heal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from .._exceptions import CommandError, Hint, UnderWay, WaitTimeout
from ..checks import Exercise

if TYPE_CHECKING:
    from .._lab import Lab
    from .._reader import Object

NAMESPACE = "first-steps"
GREETING = "Hello, learner"
GOOD_IMAGE = "podinfo:v6.9.2"


def _deployment(lab: Lab, name: str) -> Object:
    try:
        return lab.get("deployment", name, namespace=lab.name(NAMESPACE))
    except CommandError as missing:
        where = lab.name(NAMESPACE)
        raise Hint(
            f"there is no Deployment {name} in the namespace {where}; run the cells above first"
        ) from missing


def _roll_out(lab: Lab, name: str) -> None:
    where = lab.name(NAMESPACE)
    try:
        lab.kubectl("rollout", "status", f"deployment/{name}", "-n", where, "--timeout=60s")
    except CommandError as late:
        raise Hint(f"the Deployment {name} is not through yet: {late.output.strip()}") from late


def _judge_scale(lab: Lab) -> str:
    wanted = _deployment(lab, "hello")["spec"]["replicas"]
    if wanted != 4:
        raise Hint(
            f"the Deployment asks for {wanted} replicas, not 4; kubectl scale changes that number"
        )
    _roll_out(lab, "hello")
    ready = lab.ready_pods(lab.name(NAMESPACE), "app=hello")
    if len(ready) != 4:
        raise UnderWay(f"4 replicas are asked for and {len(ready)} are ready so far")
    return f"4 pods are ready: {', '.join(ready)}"


def _judge_greeting(lab: Lab) -> str:
    container = _deployment(lab, "hello")["spec"]["template"]["spec"]["containers"][0]
    values = {e["name"]: e.get("value", "") for e in container.get("env", [])}
    message = values.get("PODINFO_UI_MESSAGE", "")
    if message != GREETING:
        raise Hint(
            f"PODINFO_UI_MESSAGE is {message!r}, not {GREETING!r}; "
            "kubectl set env deployment/hello NAME=VALUE changes it"
        )
    _roll_out(lab, "hello")
    answers: set[str] = set()

    def all_say_it() -> bool:
        answers.clear()
        answers.update(_greeting(lab) for _ in range(8))
        return answers == {GREETING}

    try:
        # The ingress forgets the pods of the revision before a moment after they are gone.
        lab.wait_until("every answer to be the new greeting", all_say_it, timeout=20)
    except WaitTimeout as late:
        raise Hint(f"the Deployment says it, but the page still answers {answers}") from late
    return f"the page says {GREETING!r}"


def _greeting(lab: Lab) -> str:
    try:
        answer = lab.http.get(lab.url("hello"))
        return str(answer.json()["message"])
    except (httpx.HTTPError, ValueError, KeyError):
        return "nothing a page of hello would say"


def _judge_heal(lab: Lab) -> str:
    image = _deployment(lab, "patient")["spec"]["template"]["spec"]["containers"][0]["image"]
    good = f"{lab.connection.registry}/lab/{GOOD_IMAGE}"
    if image.rpartition(":")[0] != good.rpartition(":")[0]:
        raise Hint(f"the image is {image!r}; the registry has it as {good!r}")
    if image != good:
        raise Hint(
            f"the registry has no tag {image.rpartition(':')[2]!r} of this image; "
            "kubectl describe pod shows what the kubelet tried to pull"
        )
    _roll_out(lab, "patient")
    return "the patient is up"


EXERCISES = (
    Exercise(
        "01/scale",
        "the Deployment hello has four ready pods",
        _judge_scale,
        ("scale deployment/hello --replicas=4 -n {namespace}",),
        NAMESPACE,
    ),
    Exercise(
        "01/greeting",
        f"the page greets with {GREETING!r}",
        _judge_greeting,
        (f"set env deployment/hello PODINFO_UI_MESSAGE='{GREETING}' -n {{namespace}}",),
        NAMESPACE,
    ),
    Exercise(
        "01/heal",
        "the Deployment patient runs",
        _judge_heal,
        (f"set image deployment/patient patient={{registry}}/lab/{GOOD_IMAGE} -n {{namespace}}",),
        NAMESPACE,
    ),
)
