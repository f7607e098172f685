"""Chapter 03: an environment, a secret, and a function that is never alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import stack
from .._exceptions import Hint, LabError, UnderWay
from ..checks import Exercise
from ..openfaas.folders import Folders

if TYPE_CHECKING:
    from .._lab import Lab

NAMESPACE = "openfaas-fn"
FUNCTION = "greet"
GREETING = "Bonjour"
SECRET = "api-key"  # noqa: S105 - its name
LEAST = "com.openfaas.scale.min"

HANDLER = """import os


def handle(event, context):
    name = event.body.decode() or "you"
    greeting = os.environ.get("GREETING", "Hello")
    return {"statusCode": 200, "body": f"{greeting}, {name}!"}
"""
"""The code that the first exercise asks for."""


def folder(lab: Lab) -> Path:
    """The learner's folder of the function.

    :raises Hint: there is none yet.
    """
    found = Folders.of(lab.learner).own / FUNCTION
    if not (found / stack.FILE).exists():
        raise Hint(f"there is no folder {found}; run the cells above first")
    return found


def change(lab: Lab, **changes: Any) -> None:
    """Change what the function's ``stack.yml`` says, and deploy it."""
    path = folder(lab) / stack.FILE
    said = stack.load(path)
    changed = said.functions[FUNCTION].model_copy(update=changes)
    said.model_copy(update={"functions": {FUNCTION: changed}}).save(path)
    lab.openfaas().up(FUNCTION)


def _said(lab: Lab) -> stack.Deployment:
    try:
        return stack.load(folder(lab) / stack.FILE).functions[FUNCTION]
    except (LabError, KeyError) as wrong:
        raise Hint(f"its stack.yml cannot be used: {wrong}") from wrong


def _deployed(lab: Lab) -> dict[str, Any]:
    """What the gateway says of the function."""
    faas = lab.openfaas()
    found = faas.gateway.status(FUNCTION, faas.namespace)
    if found is None:
        raise Hint(f"no function {FUNCTION} is deployed; run the cells above first")
    return found


def _judge_environment(lab: Lab) -> str:
    said = _said(lab).environment.get("GREETING")
    if said is None:
        raise Hint("the function's environment in stack.yml has no GREETING")
    deployed = (_deployed(lab).get("envVars") or {}).get("GREETING")
    if deployed != said:
        raise Hint(
            f"stack.yml says GREETING: {said}, but what is deployed has {deployed}; "
            f"faas.up({FUNCTION!r}) deploys it"
        )
    if said != GREETING:
        raise Hint(f"GREETING is {said!r}, not {GREETING!r}")
    answer = lab.openfaas().invoke(FUNCTION, "Ada", quiet=True).text
    if not answer.startswith(said):
        raise Hint(
            f"GREETING is deployed, but the function answers {answer!r}; "
            "the handler finds it in os.environ"
        )
    return f"the function answers {answer!r}"


def _judge_secret(lab: Lab) -> str:
    faas = lab.openfaas()
    known = {each["name"] for each in faas.gateway.ask("GET", "secrets", namespace=faas.namespace)}
    if SECRET not in known:
        raise Hint(f"there is no secret {SECRET}; faas.secret({SECRET!r}, …) makes it")
    if SECRET not in _said(lab).secrets:
        raise Hint(f"the secret is there, but stack.yml does not list {SECRET} under secrets")
    if SECRET not in (_deployed(lab).get("secrets") or []):
        raise Hint(f"stack.yml lists it, but what is deployed does not; faas.up({FUNCTION!r})")
    return f"{FUNCTION} has the secret {SECRET}"


def _judge_least(lab: Lab) -> str:
    said = _said(lab).labels.get(LEAST)
    deployed = _deployed(lab)
    if said is None:
        now = deployed.get("replicas", 0)
        raise Hint(
            f"stack.yml has no label {LEAST}; {FUNCTION} has {now} pods now, "
            "and after the next alert that number is forgotten"
        )
    if not said.isdecimal() or int(said) < 2:
        raise Hint(f"the label {LEAST} is {said!r}; it should be at least '2'")
    if (deployed.get("labels") or {}).get(LEAST) != said:
        raise Hint(f"stack.yml says it, but what is deployed does not; faas.up({FUNCTION!r})")
    ready = lab.ready_pods(lab.name(NAMESPACE), f"faas_function={FUNCTION}")
    if len(ready) < int(said):
        raise UnderWay(f"{len(ready)} of {said} pods are ready")
    return f"{len(ready)} pods are ready: {', '.join(ready)}"


def _solve_environment(lab: Lab) -> None:
    (folder(lab) / "handler.py").write_text(HANDLER)
    change(lab, environment={"GREETING": GREETING})


def _solve_secret(lab: Lab) -> None:
    lab.openfaas().secret(SECRET, "a value that nobody guesses")
    change(lab, secrets=(SECRET,))


def _solve_least(lab: Lab) -> None:
    change(lab, labels={**_said(lab).labels, LEAST: "2"})


EXERCISES = (
    Exercise(
        "03/environment",
        "the greeting comes from the environment",
        _judge_environment,
        _solve_environment,
        NAMESPACE,
    ),
    Exercise(
        "03/secret",
        "the function has a secret",
        _judge_secret,
        _solve_secret,
        NAMESPACE,
    ),
    Exercise(
        "03/least",
        "the function has two pods at least",
        _judge_least,
        _solve_least,
        NAMESPACE,
    ),
)
