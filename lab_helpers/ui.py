"""Pictures of the cluster, live where there is a learner, and text where there is none."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from io import BytesIO
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from ._exceptions import CommandError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ._lab import Lab
    from ._reader import Object

_INTERVAL = 0.25


@dataclass(frozen=True)
class PodState:
    """What a table shows of a pod."""

    name: str
    state: str
    ready: bool
    restarts: int

    @classmethod
    def of(cls, pod: Object) -> PodState:
        status = pod["status"]
        containers = status.get("containerStatuses", [])
        ready = bool(containers) and all(c["ready"] for c in containers)
        waiting = [
            c["state"]["waiting"].get("reason", "Waiting")
            for c in containers
            if "waiting" in c["state"]
        ]
        state = next(iter(waiting), status.get("phase", "Unknown"))
        if "deletionTimestamp" in pod["metadata"]:
            # No new request reaches it, whatever its probe says.
            state, ready = "Terminating", False
        restarts = sum(c["restartCount"] for c in containers)
        return cls(pod["metadata"]["name"], state, ready, restarts)


@dataclass(frozen=True)
class Sample:
    """The pods at one moment.

    :ivar seconds: since the watch began.
    """

    seconds: float
    pods: tuple[PodState, ...]

    @property
    def total(self) -> int:
        return len(self.pods)

    @property
    def ready(self) -> int:
        return sum(pod.ready for pod in self.pods)


class PodWatch:
    """Follows the pods of a namespace while a block runs, and remembers how they changed.

    >>> with lab.watch_pods("first-steps") as watch:      # doctest: +SKIP
    ...     lab.kubectl("scale", …)
    >>> watch.plot()                                      # doctest: +SKIP

    With a learner the table is a widget that follows the cluster; without one it is printed once
    at the end.
    """

    def __init__(self, lab: Lab, namespace: str, selector: str = "") -> None:
        self.samples: list[Sample] = []
        self._lab = lab
        self._where = (namespace, selector)
        self._ended = Event()
        self._thread = Thread(target=self._follow, daemon=True)
        self._widget: Any = None

    def __enter__(self) -> PodWatch:
        self._began = time.monotonic()
        self._take()
        if not self._lab.solve:
            self._show()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._take()
        if self._widget is None:
            print(self.text())

    def _follow(self) -> None:
        while not self._ended.wait(_INTERVAL):
            self._take()

    def _take(self) -> None:
        namespace, selector = self._where
        try:
            pods = self._lab.get("pods", namespace=namespace, selector=selector)["items"]
        except CommandError:
            # The API may be away for a moment, which is what some lessons show.
            return
        states = sorted((PodState.of(pod) for pod in pods), key=lambda pod: pod.name)
        self.samples.append(Sample(time.monotonic() - self._began, tuple(states)))
        if self._widget is not None:
            self._widget.value = self._repr_html_()

    def _show(self) -> None:
        from IPython.display import display
        from ipywidgets import HTML

        self._widget = HTML(self._repr_html_())
        display(self._widget)

    def text(self) -> str:
        """The last state seen, as a table of text."""
        rows = [("pod", "state", "ready", "restarts"), *self._rows()]
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        return "\n".join(_padded(row, widths) for row in rows)

    def _rows(self) -> Iterable[tuple[str, str, str, str]]:
        for pod in self.samples[-1].pods if self.samples else ():
            yield pod.name, pod.state, "yes" if pod.ready else "no", str(pod.restarts)

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{h}</th>" for h in ("pod", "state", "ready", "restarts"))
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self._rows()
        )
        return f"<table><tr>{head}</tr>{body}</table>"

    def plot(self, title: str = "Pods over time") -> PodPlot:
        """Pods that exist and pods that are ready, over the seconds of the watch."""
        return PodPlot(title, tuple(self.samples))


@dataclass(frozen=True)
class PodPlot:
    """How many pods there were, as a picture and in words."""

    title: str
    samples: tuple[Sample, ...]

    def __repr__(self) -> str:
        return self.text()

    def text(self) -> str:
        """The moments at which a number changed."""
        lines, last = [self.title], None
        for sample in self.samples:
            if (sample.total, sample.ready) != last:
                last = (sample.total, sample.ready)
                lines.append(f"{sample.seconds:5.1f} s: {last[0]} exist, {last[1]} ready")
        return "\n".join(lines)

    def _repr_png_(self) -> tuple[bytes, dict[str, str]]:
        picture = BytesIO()
        self.figure().savefig(picture, format="png", dpi=110)
        return picture.getvalue(), {"alt": self.text()}

    def figure(self) -> Figure:
        """The picture, for whoever wants to change it."""
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator

        figure = Figure(figsize=(7, 2.8), layout="constrained")
        axes = figure.add_subplot()
        seconds = [sample.seconds for sample in self.samples]
        ready = [sample.ready for sample in self.samples]
        total = [sample.total for sample in self.samples]
        axes.step(seconds, total, where="post", linestyle="--", color="#555555", label="exist")
        axes.step(seconds, ready, where="post", color="#0b6e99", linewidth=2, label="ready")
        axes.fill_between(seconds, ready, step="post", color="#0b6e99", alpha=0.15)
        axes.set(
            title=self.title, xlabel="seconds", ylabel="pods", ylim=(0, max(total, default=0) + 0.5)
        )
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(loc="lower right", frameon=False)
        return figure


def _padded(row: tuple[str, ...], widths: list[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


@dataclass(frozen=True)
class ClusterDiagram:
    """The cluster's node with its namespaces and pods.

    :ivar node: the node's name and version.
    :ivar namespaces: the pods' names by namespace.
    :ivar entry: the address of pages, the way in.
    """

    node: str
    namespaces: dict[str, list[str]]
    entry: str

    @classmethod
    def of(cls, lab: Lab) -> ClusterDiagram:
        node = lab.get("nodes")["items"][0]
        pods = lab.get("pods")["items"]
        namespaces: dict[str, list[str]] = {}
        for pod in pods:
            metadata = pod["metadata"]
            namespaces.setdefault(metadata["namespace"], []).append(metadata["name"])
        label = f"{node['metadata']['name']} · {node['status']['nodeInfo']['kubeletVersion']}"
        # What comes in comes in at the ingress, so that one is drawn first.
        ordered = dict(sorted(namespaces.items(), key=lambda item: (item[0] != "ingress", item)))
        return cls(label, ordered, lab.url("NAME"))

    def text(self) -> str:
        """The same in words, for whoever cannot see the picture."""
        lines = [f"Node {self.node}, pages at {self.entry}"]
        lines += [f"  namespace {n}: {', '.join(pods)}" for n, pods in self.namespaces.items()]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return f'<figure role="img" aria-label="{escape(self.text())}">{self.svg()}</figure>'

    def svg(self) -> str:
        """The picture: a box for the node, in it one for each namespace, in it its pods."""
        width, top = 640, 96
        boxes, y = [], top
        for namespace, pods in self.namespaces.items():
            boxes.append(_namespace_box(namespace, pods, y))
            y += 46 + 26 * len(pods)
        height = y + 16
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" font-family="sans-serif" font-size="13">'
            + _box(150, 40, width - 160, height - 50, "#f4f8fa", "#0b6e99")
            + _label(166, 64, f"node {self.node}", bold=True)
            + _box(10, 96, 110, 60, "#ffffff", "#444444")
            + _label(22, 120, "browser,")
            + _label(22, 138, "notebook")
            + '<path d="M120 126 H168" stroke="#444" stroke-width="2" fill="none"/>'
            + '<path d="M168 126 l-8 -5 v10 z" fill="#444"/>'
            + _label(166, 84, self.entry)
            + "".join(boxes)
            + "</svg>"
        )


def _namespace_box(namespace: str, pods: list[str], y: int) -> str:
    height = 34 + 26 * len(pods)
    parts = [_box(172, y, 444, height, "#ffffff", "#7a9fb0"), _label(184, y + 20, namespace)]
    for place, pod in enumerate(pods):
        top = y + 28 + 26 * place
        parts.append(_box(188, top, 412, 22, "#e3f0f5", "#7a9fb0"))
        parts.append(_label(198, top + 16, pod))
    return "".join(parts)


def _box(x: int, y: int, width: int, height: int, fill: str, stroke: str) -> str:
    return (
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6" '
        f'fill="{fill}" stroke="{stroke}"/>'
    )


def _label(x: int, y: int, text: str, *, bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x}" y="{y}" fill="#1c2b33"{weight}>{escape(text)}</text>'
