"""The forecast app while a part of it is away: what readers see, and when it is whole again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from threading import Event, Thread
from typing import TYPE_CHECKING, Self

import httpx

from . import _http, _wait
from ._exceptions import LabError
from .mongodb import PODS

if TYPE_CHECKING:
    from ._lab import Lab
    from .forecast_app import ForecastApp
    from .openfaas.views import Listing

PARTS = {
    "MongoDB": ("mongodb", PODS),
    "MinIO": ("minio", "app=minio"),
    "NATS": ("nats", "app=nats"),
    "the gateway": ("openfaas", "app=gateway"),
    "Keycloak": ("keycloak", "app=keycloak"),
}
"""Namespace and pods of each part, by its name."""
_PAUSE = 0.1
"""Seconds between two looks at the same thing."""


@dataclass(frozen=True)
class Outage:
    """What came of killing a part.

    :ivar page: answers for the page itself, each kind once, in the order in which they came.
    :ivar forecasts: the same for what the page is told.
    :ivar sign_in: the same for the page with the form.
    :ivar seconds: from the kill until a file that was stored after it was shown, and people could
        sign in.
    """

    part: str
    page: tuple[str, ...]
    forecasts: tuple[str, ...]
    sign_in: tuple[str, ...]
    seconds: float

    @property
    def seen(self) -> bool:
        """Whether a reader could see something of it."""
        return any(each != ("200",) for each in (self.page, self.forecasts, self.sign_in))


class _Look:
    """Opens an address again and again while a block runs, and notes each new kind of answer."""

    def __init__(self, address: str) -> None:
        self.answers: list[str] = []
        self._address = address
        self._ended = Event()
        self._thread = Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        with _http.client(timeout=5) as client:
            while True:
                answer = look(client, self._address)
                if not self.answers or self.answers[-1] != answer:
                    self.answers.append(answer)
                if self._ended.wait(_PAUSE):
                    return


def look(client: httpx.Client, address: str) -> str:
    """What somebody gets who has never been here: the status of the last page, or why none."""
    try:
        return str(client.get(address, follow_redirects=True).status_code)
    except httpx.HTTPError as failed:
        return type(failed).__name__
    finally:
        client.cookies.clear()


def kill(lab: Lab, app: ForecastApp, part: str, *, place: str, timeout: float = 120) -> Outage:
    """End the pods of a part as a power cut would, and use the app until all of it works again.

    :param part: one of :data:`PARTS`.
    :param place: whose forecast is stored anew meanwhile.
    :param timeout: seconds until all has to work.
    :raises WaitTimeout: it does not; says what does not.
    """
    namespace, selector = PARTS[part]
    before = set(_pods(lab, part))
    page, forecasts, sign_in = (
        _Look(f"{app.address}{path}") for path in ("", "api/get-forecast", "oauth2/start?rd=/")
    )
    with page, forecasts, sign_in:
        began = time.monotonic()
        lab.kubectl("delete", "pod", "--namespace", namespace, "--selector", selector,
                    "--grace-period=0", "--force")  # fmt: skip
        wanted = _wait.until("a new file to be stored", _tried(lambda: app.renew(place)),
                             timeout=timeout)  # fmt: skip
        lab.wait_until(f"{part} to be another one",
                       lambda: (now := set(_pods(lab, part))) and not now & before,
                       timeout=timeout)  # fmt: skip
        lab.wait_until("the new file to be shown", lambda: _shown(app, place) >= wanted,
                       timeout=timeout)  # fmt: skip
        lab.wait_until("the sign-in page", lambda: sign_in.answers[-1] == "200", timeout=timeout)
        seconds = time.monotonic() - began
    answers = [tuple(dict.fromkeys(each.answers)) for each in (page, forecasts, sign_in)]
    return Outage(part, answers[0], answers[1], answers[2], seconds)


def _pods(lab: Lab, part: str) -> Iterable[str]:
    """The names of a part's pods that are ready, each with its own number."""
    namespace, selector = PARTS[part]
    ready = set(lab.ready_pods(namespace, selector))
    return (
        each["metadata"]["uid"]
        for each in lab.pods(namespace, selector)
        if each["metadata"]["name"] in ready
    )


def _tried(act: Callable[[], str]) -> Callable[[], str]:
    def probe() -> str:
        try:
            return act()
        except LabError as refused:
            raise _wait.NotYet(f"{refused.what}: {refused.seen}") from refused

    return probe


def _shown(app: ForecastApp, place: str) -> str:
    """When the forecast was made that is shown of a place; nothing while nothing is shown."""
    try:
        return next((e["update"] for e in app.shown() if e["aemetid"] == place), "")
    except LabError:
        return ""


def table(outages: Iterable[Outage]) -> Listing:
    """Outages, to read."""
    from .openfaas.views import Listing

    rows = tuple(
        (each.part, ", ".join(each.page), ", ".join(each.forecasts), ", ".join(each.sign_in),
         f"{each.seconds:.1f} s")
        for each in outages
    )  # fmt: skip
    head = ("killed", "page", "forecasts", "sign-in page", "whole again after")
    return Listing(head, rows, "nothing was killed")
