"""Measurements as pictures, and in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLOURS = ("#0b6e99", "#c2571a", "#4c7a34", "#7b4ea3")
_MARKERS = "osD^"
_LINES = ("-", "--", "-.", ":")


class Plot:
    """A picture that can also be read.

    :ivar title: what it shows.
    """

    def __init__(self, title: str) -> None:
        self.title = title

    def text(self) -> str:
        """What the picture shows, in words."""
        raise NotImplementedError

    def figure(self) -> Figure:
        """The picture, for whoever wants to change it."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return self.text()

    def _repr_png_(self) -> tuple[bytes, dict[str, str]]:
        picture = BytesIO()
        self.figure().savefig(picture, format="png", dpi=110)
        return picture.getvalue(), {"alt": self.text()}


class LatencyPlot(Plot):
    """How long requests took, one mark each, on a logarithmic scale.

    :param series: milliseconds by what kind of request it was.
    """

    def __init__(self, title: str, series: Mapping[str, Sequence[float]]) -> None:
        super().__init__(title)
        self.series = {name: list(values) for name, values in series.items()}

    def text(self) -> str:
        """Median and slowest of each kind."""
        lines = [self.title]
        for name, values in self.series.items():
            lines.append(
                f"{name}: {len(values)} requests, median {median(values):.0f} ms, "
                f"slowest {max(values):.0f} ms"
            )
        return "\n".join(lines)

    def figure(self) -> Figure:
        from matplotlib.figure import Figure
        from matplotlib.ticker import LogLocator, ScalarFormatter

        figure = Figure(figsize=(7, 0.9 + 0.6 * len(self.series)), layout="constrained")
        axes = figure.add_subplot()
        for row, values in enumerate(self.series.values()):
            axes.plot(values, [row] * len(values), linestyle="none", alpha=0.5,
                      color=_COLOURS[row % 4], marker=_MARKERS[row % 4])  # fmt: skip
            axes.plot([median(values)] * 2, [row - 0.3, row + 0.3], color="#1c2b33")
            axes.annotate(f"{median(values):.0f} ms", (median(values), row + 0.32), ha="center")
        axes.set(title=self.title, xscale="log", xlabel="milliseconds (the line is the median)")
        axes.set_yticks(range(len(self.series)), list(self.series))
        axes.set_ylim(len(self.series) - 0.3, -0.7)
        axes.invert_yaxis()
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
        axes.xaxis.set_major_formatter(ScalarFormatter())
        return figure


class SharePlot(Plot):
    """How often each of several answers came, beside what was asked for.

    :param counts: answers by who gave them.
    :param asked: the shares that were asked for, in per cent.
    """

    def __init__(self, title: str, counts: Mapping[str, int], asked: Mapping[str, float]) -> None:
        super().__init__(title)
        self.asked = dict(asked)
        total = sum(counts.values()) or 1
        names = sorted({*counts, *asked})
        self.shares = {name: 100 * counts.get(name, 0) / total for name in names}

    def text(self) -> str:
        """The share of each, and what was asked for."""
        rows = [
            f"{name}: {share:.1f} % (asked for: {self.asked.get(name, 0):g} %)"
            for name, share in self.shares.items()
        ]
        return "\n".join([self.title, *rows])

    def figure(self) -> Figure:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(7, 1.0 + 0.45 * len(self.shares)), layout="constrained")
        axes = figure.add_subplot()
        names = list(self.shares)
        bars = axes.barh(names, list(self.shares.values()), color=_COLOURS[0], height=0.55)
        axes.bar_label(bars, fmt="%.1f %%", padding=4)
        for row, name in enumerate(names):
            wanted = self.asked.get(name, 0)
            axes.plot([wanted, wanted], [row - 0.4, row + 0.4], color="#c2571a", linestyle="--")
        axes.set(title=self.title, xlabel="per cent (dashed: what was asked for)", xlim=(0, 110))
        axes.invert_yaxis()
        return figure


class TimePlot(Plot):
    """How something changed: one line for each series, over the seconds.

    :param series: points of ``(seconds, value)`` by name, in the order of time.
    :param unit: what the values are, such as ``requests/s``.
    :param steps: whether a value holds until the next one, as a number of pods does.
    """

    def __init__(
        self, title: str, series: Mapping[str, Sequence[tuple[float, float]]], *, unit: str = "",
        steps: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(title)
        self.series = {name: list(points) for name, points in series.items()}
        self.unit = unit
        self.steps = steps

    def text(self) -> str:
        """First, least, greatest and last value of each series, and when the greatest came."""
        return "\n".join([self.title, *(self._told(name) for name in self.series)])

    def _told(self, name: str) -> str:
        points = self.series[name]
        if not points:
            return f"{name}: nothing was measured"
        (_, first), (_, last) = points[0], points[-1]
        when, most = max(points, key=lambda point: point[1])
        least = min(value for _, value in points)
        unit = f" {self.unit}" if self.unit else ""
        return (
            f"{name}: {first:.3g} at first, {last:.3g} at last; "
            f"from {least:.3g} to {most:.3g}{unit}, the most after {when:.0f} s"
        )

    def figure(self) -> Figure:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(7, 2.8), layout="constrained")
        axes = figure.add_subplot()
        for place, (name, points) in enumerate(self.series.items()):
            axes.plot(
                [seconds for seconds, _ in points], [value for _, value in points], label=name,
                color=_COLOURS[place % 4], linestyle=_LINES[place % 4],
                drawstyle="steps-post" if self.steps else "default",
            )  # fmt: skip
        axes.set(title=self.title, xlabel="seconds", ylabel=self.unit)
        # From zero: a line that wavers a little must not look as if it leapt.
        axes.set_ylim(bottom=0)
        if self.series:
            axes.legend(frameon=False)
        return figure
