"""Chapter 11: one more place, and a file that cannot be used."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .._exceptions import Hint, WaitTimeout
from ..checks import Exercise
from ..forecast_app import DOWNLOAD, PARSE, ForecastApp

if TYPE_CHECKING:
    from .._lab import Lab

BARCELONA, MADRID, MONTALBO = "08019", "28079", "16130"
PLACES = ("16130", "45081", MADRID, "35024")
"""As the function's stack.yml has them."""
ABOUT_ANOTHER = "is about"
"""What parse-forecast says of such a file."""


def provide(lab: Lab, *, source: str = "") -> ForecastApp:
    """All that the chapter has by the time its exercises begin.

    :param source: ``aemet`` or ``simulated``; whichever can be had if left out.
    """
    app = ForecastApp.whole(lab, source=source)
    app.fetch()
    app.wait_for(*PLACES)
    return app


def _judge_place(lab: Lab) -> str:
    faas = lab.openfaas()
    found = faas.gateway.status(DOWNLOAD, faas.namespace)
    if found is None:
        raise Hint(f"no function {DOWNLOAD} is deployed; run the cells above first")
    asked = [each.strip() for each in found["envVars"].get("LOCALITIES", "").split(",")]
    if BARCELONA not in asked:
        raise Hint(f"{DOWNLOAD} is asked for {', '.join(asked)}, and not for {BARCELONA}")
    if lost := [each for each in PLACES if each not in asked]:
        raise Hint(f"{BARCELONA} is asked for, and {', '.join(lost)} not any more")
    try:
        ForecastApp(lab).wait_for(BARCELONA, timeout=5)
    except WaitTimeout as missing:
        raise Hint(
            f"{DOWNLOAD} is asked for {BARCELONA}; the page has nothing of it yet. The clock calls "
            "the function every four hours, and app.fetch() now"
        ) from missing
    return "the page has Barcelona, too"


def _solve_place(lab: Lab) -> None:
    app = ForecastApp(lab)
    app.download(LOCALITIES=",".join((*PLACES, BARCELONA)))
    app.fetch()
    app.wait_for(BARCELONA)


def put_under_another_name(lab: Lab) -> None:
    """A good file, in the place of another one's."""
    app = ForecastApp(lab)
    app.files.put(app.files.newest(MADRID), MONTALBO)


def _judge_letter(lab: Lab) -> str:
    put_aside = refused(lab)
    if not put_aside:
        raise Hint(f"{PARSE} has refused no file yet; app.files.put(content, place) stores one")

    reasons = [str(each["reason"]) for each in put_aside]
    about = [each for each in reasons if ABOUT_ANOTHER in each]
    if not about:
        raise Hint(
            f"a file was refused, but for another reason: {reasons[-1]}. A good file will do, "
            "under the number of another place"
        )
    return f"it was refused, and the reason kept: {about[-1]}"


def refused(lab: Lab) -> list[dict[str, Any]]:
    """What the connector says of the messages that it has put aside for the function."""
    log = lab.kubectl("logs", "deploy/nats-connector", "-n", "openfaas", "--since=1h")
    lines = [json.loads(each) for each in log.splitlines() if each.startswith("{")]
    ours = {"message": "given up", "function": PARSE, "namespace": lab.openfaas().namespace}
    return [each for each in lines if ours.items() <= each.items()]


def _solve_letter(lab: Lab) -> None:
    put_under_another_name(lab)
    lab.wait_until("the file to be refused", lambda: refused(lab), timeout=20)


EXERCISES = (
    Exercise("11/place", "the page has one more place", _judge_place, _solve_place),
    Exercise("11/letter", "a file that cannot be used is put aside", _judge_letter, _solve_letter),
)
