"""The way of one file of the forecast app, from the clock to the page, hop by hop."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from . import _wait
from ._exceptions import LabError
from .forecast_app import DOWNLOAD, PARSE
from .plots import Plot

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ._lab import Lab
    from .forecast_app import ForecastApp

_COLOUR = "#0b6e99"


@dataclass(frozen=True)
class Hop:
    """One step of the way.

    :ivar who: the part that did it.
    :ivar what: what it did.
    :ivar at: when, by the clock of the machine that the part runs on.
    """

    who: str
    what: str
    at: datetime


def trace(lab: Lab, app: ForecastApp, place: str, *, timeout: float = 90) -> Journey:
    """Wait until the clock has a place's file fetched, and follow it.

    :param timeout: seconds until it has to be shown.
    :raises WaitTimeout: no new file was shown.
    """
    before = {each["aemetid"]: each["update"] for each in app.shown()}.get(place, "")

    def shown() -> datetime:
        known = {each["aemetid"]: each["update"] for each in app.shown()}
        if known.get(place, "") <= before:
            raise _wait.NotYet(f"it is shown as of {known.get(place)}")
        return datetime.now(UTC)

    at = _wait.until(f"a new forecast of {place}", shown, timeout=timeout, interval=0.05)
    stored = max(name for name in app.files.names() if name.startswith(f"{place}/"))
    kept = datetime.fromtimestamp(int(stored.partition("/")[2].removesuffix(".xml")) / 1000, UTC)
    read = _printed(lab, stored)
    fetching = _call(lab, "cron-connector", DOWNLOAD, during=kept)
    reading = _call(lab, "nats-connector", PARSE, during=read)
    hops = (
        Hop("the clock", "the minute begins", datetime.fromisoformat(fetching["event"])),
        Hop("cron-connector", f"calls {DOWNLOAD}", _began(fetching)),
        Hop(DOWNLOAD, "stores a file", kept),
        Hop("nats-connector", "has MinIO's message", _began(reading)),
        Hop(PARSE, "has it in the database", read),
        Hop("the page", "is told of it", at),
    )
    return Journey(f"The way of {stored}", hops)


def _printed(lab: Lab, file: str) -> datetime:
    """When the function said that it has kept a file.

    :raises LabError: it did not.
    """
    faas = lab.openfaas()
    lines = list(faas.gateway.log_lines(PARSE, faas.namespace, idle=_SECONDS, tail="200"))
    for line in lines:
        if f"{file}: kept" in line.text:
            return line.at
    raise LabError(f"{PARSE} does not say that it has kept {file}")


def _call(lab: Lab, connector: str, function: str, *, during: datetime) -> dict[str, Any]:
    """What a connector has written down of the call of a function that was under way then.

    :raises LabError: there was none.
    """
    ours = {"function": function, "namespace": lab.openfaas().namespace, "message": "called"}

    def under_way() -> dict[str, Any]:
        for line in _lines(lab, connector):
            ended = datetime.fromisoformat(line["at"])
            if ours.items() <= line.items() and _began(line) <= during <= ended + _ROUNDED:
                return line
        raise _wait.NotYet(f"none at {during:%H:%M:%S.%f}")

    # The line comes when the call has ended, which may be after its result was seen.
    return _wait.until(f"{connector} to have called {function}", under_way, timeout=_SECONDS)


_ROUNDED = timedelta(milliseconds=1)
"""Times are written down as whole milliseconds."""
_SECONDS = 20


def _lines(lab: Lab, connector: str) -> Iterator[dict[str, Any]]:
    log = lab.kubectl("logs", f"deploy/{connector}", "-n", "openfaas", "--since=10m")
    return (json.loads(line) for line in log.splitlines() if line.startswith("{"))


def _began(line: dict[str, Any]) -> datetime:
    """When a call began; its line is written when it has ended."""
    return datetime.fromisoformat(line["at"]) - timedelta(milliseconds=line["duration_ms"])


class Journey(Plot):
    """Hops along the time.

    :ivar hops: in the order of time.
    """

    def __init__(self, title: str, hops: tuple[Hop, ...]) -> None:
        super().__init__(title)
        self.hops = tuple(sorted(hops, key=lambda hop: hop.at))

    def milliseconds(self, hop: Hop) -> float:
        """Since the first hop."""
        return (hop.at - self.hops[0].at).total_seconds() * 1000

    def text(self) -> str:
        """Each hop: when, who, what."""
        lines = [
            f"{hop.at:%H:%M:%S}.{hop.at.microsecond // 1000:03d}  {self.milliseconds(hop):6.0f} ms"
            f"  {hop.who} {hop.what}"
            for hop in self.hops
        ]
        return "\n".join([self.title, *lines])

    def figure(self) -> Figure:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(7, 0.8 + 0.45 * len(self.hops)), layout="constrained")
        axes = figure.add_subplot()
        times = [self.milliseconds(hop) for hop in self.hops]
        rows = range(len(self.hops))
        axes.plot(times, rows, marker="o", color=_COLOUR, drawstyle="steps-post")
        for row, (hop, at) in enumerate(zip(self.hops, times, strict=True)):
            late = at > 0.6 * times[-1]
            axes.annotate(
                f"{hop.what} ({at:.0f} ms)", (at, row), xytext=(-8 if late else 8, 8),
                textcoords="offset points", ha="right" if late else "left", fontsize=8,
            )  # fmt: skip
        axes.set_yticks(rows, [hop.who for hop in self.hops])
        axes.set_ylim(len(self.hops) - 0.4, -0.8)
        axes.set(title=self.title, xlabel="milliseconds")
        axes.grid(axis="x", alpha=0.3)
        return figure
