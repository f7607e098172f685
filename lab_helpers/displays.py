"""Where CloudEvents have arrived: programs that show what they got, and a picture of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

import httpx
from cloudevents.core.base import BaseCloudEvent

from . import _wait
from ._exceptions import LabError
from .plots import Plot

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ._lab import Lab
    from .openfaas.views import Listing

_COLOURS = ("#0b6e99", "#c2571a", "#4c7a34", "#7b4ea3")
_LINES = ("-", "--", "-.", ":")


@dataclass(frozen=True)
class SeenEvent:
    """An event that a display got, however often.

    :ivar number: in the order in which events first came there.
    :ivar mode: ``binary``, its attributes in headers, or ``structured``, all of it in the body.
    :ivar attributes: what the event says of itself, as texts.
    :ivar size: bytes of its data.
    :ivar sha256: of its data.
    :ivar text: its data where that is a short text.
    :ivar arrivals: when it came and was taken.
    :ivar refusals: when it came and the display failed on it.
    """

    number: int
    mode: str
    attributes: dict[str, str]
    size: int
    sha256: str
    text: str | None
    arrivals: tuple[datetime, ...]
    refusals: tuple[datetime, ...]

    @classmethod
    def of(cls, said: dict[str, Any]) -> Self:
        times = {
            key: tuple(map(datetime.fromisoformat, said[key])) for key in ("arrivals", "refusals")
        }
        return cls(**{**said, **times})

    @property
    def id(self) -> str:
        return self.attributes["id"]


class Display:
    """A program that shows the events it was sent: ``functions/event-display``.

    :ivar name: its Service, and its page.
    :ivar address: where it is reached from here.
    """

    def __init__(self, lab: Lab, name: str) -> None:
        self.name = name
        self.address = lab.url(name)
        self._http = lab.http

    def __repr__(self) -> str:
        return f"<{self.name} at {self.address}>"

    def events(self, *, after: int = 0) -> list[SeenEvent]:
        """What it has got and still knows, the oldest first.

        :param after: the number of an event; only newer ones are given.
        :raises LabError: it does not answer.
        """
        return [SeenEvent.of(each) for each in self._ask("GET", f"?after={after}").json()["events"]]

    def received(self) -> set[str]:
        """The ids of the events that it took."""
        return {each.id for each in self.events() if each.arrivals}

    def data(self, number: int) -> bytes:
        """The data of one event, byte for byte."""
        return self._ask("GET", f"{number}/data").content

    def forget(self) -> None:
        """Have it begin anew."""
        self._ask("DELETE")

    def wait_for(self, *ids: str, timeout: float = 20) -> None:
        """Wait until it has taken each of these events.

        :raises WaitTimeout: it has not; says which are missing.
        """

        def probe() -> None:
            try:
                missing = set(ids) - self.received()
            except LabError as away:
                raise _wait.NotYet(f"{away.what}: {away.seen}") from away
            if missing:
                raise _wait.NotYet(f"missing: {', '.join(sorted(missing)[:8])}")

        _wait.until(f"{self.name} to get {len(ids)} events", probe, timeout=timeout)

    def table(self) -> Listing:
        """What it has got, to read."""
        from .openfaas.views import Listing

        head = ("type", "source", "id", "data", "came", "refused")
        rows = tuple(
            (
                *(each.attributes[name] for name in ("type", "source", "id")),
                f"{each.size} bytes" if each.text is None else each.text[:60],
                str(len(each.arrivals)),
                str(len(each.refusals)),
            )
            for each in self.events()
        )
        return Listing(head, rows, f"{self.name} has got nothing")

    def _ask(self, method: str, path: str = "") -> httpx.Response:
        try:
            return self._http.request(method, f"{self.address}{path}").raise_for_status()
        except httpx.HTTPError as away:
            raise LabError(
                f"{self.name} does not say what it has got",
                seen=f"{type(away).__name__}: {away}",
                remedy=f"look whether its pod is ready, and at {self.address}",
            ) from away


class RoutePlot(Plot):
    """Which event went where: events on the left, displays on the right, a line each time.

    :param events: what was sent.
    :param got: the ids of what arrived, by display.
    """

    def __init__(
        self, title: str, events: Sequence[BaseCloudEvent], got: dict[str, set[str]]
    ) -> None:
        super().__init__(title)
        self.got = got
        self.labels = {
            each.get_id(): f"{each.get_id()}\ntype {each.get_type()}\nsource {each.get_source()}"
            for each in events
        }

    def text(self) -> str:
        """For each event, the displays that it reached."""
        rows = [
            f"{label.replace(chr(10), ', ')} → {', '.join(self._reached(name)) or 'nobody'}"
            for name, label in self.labels.items()
        ]
        return "\n".join([self.title, *rows])

    def _reached(self, event: str) -> list[str]:
        return [display for display, ids in self.got.items() if event in ids]

    def figure(self) -> Figure:
        from matplotlib.figure import Figure

        height = max(len(self.labels), len(self.got))
        figure = Figure(figsize=(7, 0.9 + 0.9 * height), layout="constrained")
        axes = figure.add_subplot()
        left = _spread(list(self.labels), height)
        right = _spread(list(self.got), height)
        for place, (display, ids) in enumerate(self.got.items()):
            for event in (each for each in self.labels if each in ids):
                axes.annotate(
                    "", xy=(1, right[display]), xytext=(0, left[event]),
                    arrowprops={"arrowstyle": "-|>", "linewidth": 2, "color": _COLOURS[place % 4],
                                "linestyle": _LINES[place % 4], "shrinkA": 4, "shrinkB": 4},
                )  # fmt: skip
        box = {"boxstyle": "round,pad=0.5", "edgecolor": "#1c2b33", "facecolor": "#f4f8fa"}
        for name, y in left.items():
            axes.text(0, y, self.labels[name], ha="right", va="center", fontsize=9, bbox=box)
        for name, y in right.items():
            count = len(self.got[name] & set(self.labels))
            axes.text(1, y, f"{name}\n{count} of {len(self.labels)}", ha="left", va="center",
                      fontsize=9, bbox=box)  # fmt: skip
        axes.set(title=self.title, xlim=(-0.55, 1.5), ylim=(height - 0.4, -0.6))
        axes.axis("off")
        return figure


def _spread(names: Sequence[str], height: int) -> dict[str, float]:
    """Names one below the other, evenly over a height."""
    step = height / max(len(names), 1)
    return {name: step * (place + 0.5) - 0.5 for place, name in enumerate(names)}


def routes(title: str, events: Sequence[BaseCloudEvent], displays: Sequence[Display]) -> RoutePlot:
    """A picture of which of these events each display has got."""
    return RoutePlot(title, events, {each.name: each.received() for each in displays})
