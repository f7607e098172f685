"""lab_helpers.ui"""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from lab_helpers import CommandError
from lab_helpers.ui import ClusterDiagram, PodPlot, PodState, PodWatch, Sample

RUNNING = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
EXITED = {"exitCode": 2, "reason": "Error", "finishedAt": "2026-01-01T00:00:00Z"}


def container(state: dict[str, Any], *, ready: bool = False, restarts: int = 0) -> dict[str, Any]:
    return {"name": "c", "state": state, "lastState": {}, "ready": ready, "restartCount": restarts}


def pod(phase: str, *containers: dict[str, Any], **metadata: str) -> dict[str, Any]:
    status: dict[str, Any] = {"phase": phase, "conditions": [], "qosClass": "Burstable"}
    if containers:
        status["containerStatuses"] = list(containers)
    return {"metadata": {"name": "web-1", "namespace": "n", **metadata}, "status": status}


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (pod("Pending"), ("Pending", False, 0)),
        (pod("Pending", container({"waiting": {"reason": "ContainerCreating"}})),
         ("ContainerCreating", False, 0)),
        (pod("Pending", container({"waiting": {"reason": "ImagePullBackOff", "message": "…"}})),
         ("ImagePullBackOff", False, 0)),
        (pod("Running", container(RUNNING, ready=True)), ("Running", True, 0)),
        (pod("Running", container(RUNNING)), ("Running", False, 0)),
        (pod("Running", container({"waiting": {"reason": "CrashLoopBackOff"}}, restarts=4)),
         ("CrashLoopBackOff", False, 4)),
        (pod("Running", container(RUNNING, ready=True, restarts=1),
             container({"waiting": {"reason": "CrashLoopBackOff"}}, restarts=2)),
         ("CrashLoopBackOff", False, 3)),
        (pod("Failed", container({"terminated": EXITED})), ("Failed", False, 0)),
        (pod("Succeeded", container({"terminated": {"exitCode": 0}})), ("Succeeded", False, 0)),
        (pod("Running", container(RUNNING, ready=True), deletionTimestamp="2026-01-01T00:00:00Z"),
         ("Terminating", False, 0)),
        ({"metadata": {"name": "web-1"}, "status": {}}, ("Unknown", False, 0)),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)  # fmt: skip
def test_a_pods_state_is_what_kubectl_would_call_it(
    seen: dict[str, Any], expected: tuple[str, bool, int]
) -> None:
    state = PodState.of(seen)
    assert (state.state, state.ready, state.restarts) == expected
    assert state.name == "web-1"


@pytest.mark.parametrize("state", [{"waiting": {}}, {}], ids=["no reason", "no state"])
def test_a_container_may_wait_without_saying_why(state: dict[str, Any]) -> None:
    """The kubelet reports one so that it has created and not started yet."""
    assert not PodState.of(pod("Pending", container(state))).ready


class Seen:
    """A lab in which each look shows the next of these lists of pods."""

    solve = True

    def __init__(self, *looks: list[dict[str, Any]] | CommandError) -> None:
        self.looks = list(looks)

    def get(self, *_: Any, **__: Any) -> dict[str, Any]:
        look = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(look, CommandError):
            raise look
        return {"items": look}


def watch(*looks: list[dict[str, Any]] | CommandError) -> PodWatch:
    lab: Any = Seen(*looks)
    with PodWatch(lab, "n") as watched:
        pass
    return watched


def test_a_watch_without_a_learner_is_printed_once_at_its_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    watch([pod("Pending")], [pod("Running", container(RUNNING, ready=True, restarts=12))])
    assert capsys.readouterr().out.splitlines() == [
        "pod    state    ready  restarts",
        "web-1  Running  yes    12",
    ]


def test_a_watch_remembers_how_pods_changed() -> None:
    watched = watch([], [pod("Running", container(RUNNING, ready=True))])
    first, last = watched.samples[0], watched.samples[-1]
    assert (first.total, first.ready) == (0, 0)
    assert (last.total, last.ready) == (1, 1)
    assert first.seconds <= last.seconds


def test_a_watch_survives_an_api_that_is_away() -> None:
    refused = CommandError(["kubectl"], 1, "connection refused")
    watched = watch([pod("Pending")], refused)
    assert len(watched.samples) == 1
    assert "Pending" in watched.text()


def test_a_watch_that_saw_nothing_says_so_in_every_way() -> None:
    watched = watch(CommandError(["kubectl"], 1, "connection refused"))
    assert watched.text() == "pod  state  ready  restarts"
    assert watched._repr_html_().count("<tr>") == 1
    assert watched.plot()._repr_png_()[0].startswith(b"\x89PNG")


def test_a_table_shows_names_as_they_are() -> None:
    odd = pod("<b>&")
    table = watch([odd])._repr_html_()
    assert "<b>" not in table
    assert "&lt;b&gt;&amp;" in table


def state(ready: bool) -> PodState:
    return PodState("web-1", "Running", ready, 0)


def test_a_plot_is_a_picture_with_the_same_in_words() -> None:
    samples = (
        Sample(0, (state(False),)),
        Sample(1, (state(False),)),
        Sample(2.25, (state(True), state(False))),
    )
    plot = PodPlot("Scaling", samples)
    words = "Scaling\n  0.0 s: 1 exist, 0 ready\n  2.2 s: 2 exist, 1 ready"
    assert plot.text() == repr(plot) == words
    picture, metadata = plot._repr_png_()
    assert picture.startswith(b"\x89PNG")
    assert metadata == {"alt": words}


def texts(svg: str) -> list[str]:
    return [each.text or "" for each in ElementTree.fromstring(svg).iter() if each.text]  # noqa: S314 - ours


def test_a_diagram_shows_every_pod_as_a_picture_and_in_words() -> None:
    diagram = ClusterDiagram("lab · v1", {"a": ["web-1", "web-2"], "b": []}, "http://NAME")
    assert diagram.text() == (
        "Node lab · v1, pages at http://NAME\n  namespace a: web-1, web-2\n  namespace b: "
    )
    for word in ("node lab · v1", "a", "b", "web-1", "web-2", "http://NAME"):
        assert word in texts(diagram.svg())


def test_a_diagram_escapes_names() -> None:
    odd = '<script>"&'
    diagram = ClusterDiagram(odd, {odd: [odd]}, odd)
    assert [text for text in texts(diagram.svg()) if text == odd] == [odd] * 3
    figure = ElementTree.fromstring(diagram._repr_html_())  # noqa: S314 - ours
    assert figure.attrib["aria-label"].split() == diagram.text().split()


def test_a_diagrams_boxes_stay_inside_its_frame() -> None:
    svg = ClusterDiagram("n", {str(n): ["p"] * n for n in range(6)}, "e").svg()
    root = ElementTree.fromstring(svg)  # noqa: S314 - ours
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    boxes = [each.attrib for each in root if each.tag.endswith("rect")]
    assert len(boxes) == 2 + 6 + sum(range(6))
    assert all(float(box["x"]) + float(box["width"]) <= width for box in boxes)
    assert all(float(box["y"]) + float(box["height"]) <= height for box in boxes)


def test_a_diagram_begins_with_the_way_in() -> None:
    class Cluster(Seen):
        def get(self, kind: str, *_: Any, **__: Any) -> dict[str, Any]:
            if kind == "nodes":
                info = {"nodeInfo": {"kubeletVersion": "v1"}}
                return {"items": [{"metadata": {"name": "lab-lab"}, "status": info}]}
            spaces = ("default", "ingress", "kube-system")
            return {"items": [pod("Running", namespace=each, name="p") for each in spaces]}

        def url(self, name: str) -> str:
            return f"http://{name}"

    lab: Any = Cluster([])
    diagram = ClusterDiagram.of(lab)
    assert list(diagram.namespaces) == ["ingress", "default", "kube-system"]
    assert diagram.node == "lab-lab · v1"
