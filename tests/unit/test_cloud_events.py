"""lab_helpers.cloud_events and lab_helpers.displays"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import httpx
import pytest
from cloudevents.core.v1.event import CloudEvent

from lab_helpers import Lab, LabError, WaitTimeout
from lab_helpers.cloud_events import Sending, journeys, send
from lab_helpers.displays import Display, RoutePlot, SeenEvent, routes

Answer = Callable[[httpx.Request], httpx.Response]
BROKER = "http://broker.localhost/"


class Cluster:
    """A cluster whose pages answer as they are told to."""

    def __init__(self, answer: Answer) -> None:
        self.http = httpx.Client(transport=httpx.MockTransport(answer))

    def url(self, name: str) -> str:
        return f"http://{name}.localhost/"


def cluster(answer: Answer) -> Lab:
    return cast(Lab, Cluster(answer))


def event(name: str = "1", **attributes: str) -> CloudEvent:
    return CloudEvent({"type": "greeting", "source": "window", "id": name, **attributes}, b"x")


def in_turn(*codes: int) -> tuple[Answer, list[httpx.Request]]:
    """Answers these codes one after the other, and what was asked."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(codes[len(asked) - 1])

    return answer, asked


def test_an_event_is_sent_again_until_it_is_accepted() -> None:
    answer, asked = in_turn(404, 503, 500, 202)
    refusals: list[str] = []
    assert send(cluster(answer), BROKER, event(), on_refusal=refusals.append).status_code == 202
    assert refusals == ["404", "503", "500"]
    assert {request.headers["ce-id"] for request in asked} == {"1"}
    assert {request.content for request in asked} == {b"x"}


def test_what_is_refused_for_good_is_not_sent_again() -> None:
    answer, asked = in_turn(400)
    assert send(cluster(answer), BROKER, event()).status_code == 400
    assert len(asked) == 1


def test_who_is_never_there_is_told() -> None:
    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(WaitTimeout, match="to accept an event") as late:
        send(cluster(away), BROKER, event(), timeout=0)
    assert "ConnectError: refused" in str(late.value)


def test_events_are_sent_side_by_side() -> None:
    answer, asked = in_turn(503, *[202] * 5)
    with Sending(cluster(answer), BROKER, [event(str(n)) for n in range(5)]) as sending:
        pass
    assert sending.statuses == {202: 5}
    assert len(sending.seconds) == 5
    assert sending.refusals == ["503"]
    assert len(asked) == 6


def said(number: int, name: str, *, arrivals: int = 1, refusals: int = 0) -> dict[str, Any]:
    moments = [f"2026-11-28T10:00:0{second}.5Z" for second in range(9)]
    return {
        "number": number, "mode": "binary", "size": 1, "sha256": "00", "text": "x",
        "attributes": {"type": "greeting", "source": "window", "id": name},
        "arrivals": moments[:arrivals], "refusals": moments[:refusals],
    }  # fmt: skip


def display(*events: dict[str, Any]) -> Display:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "DELETE":
            return httpx.Response(200)
        if request.url.path == "/1/data":
            return httpx.Response(200, content=b"\xff")
        after = int(request.url.params["after"])
        newer = [each for each in events if each["number"] > after]
        return httpx.Response(200, json={"events": newer})

    return Display(cluster(answer), "hello-display")


def test_a_display_says_what_it_has_got() -> None:
    shown = display(said(1, "a", arrivals=2), said(2, "b", arrivals=0, refusals=3))
    first, second = shown.events()
    assert (first.id, first.arrivals[1].second, len(second.refusals)) == ("a", 1, 3)
    assert [each.id for each in shown.events(after=1)] == ["b"]
    assert shown.received() == {"a"}
    assert shown.data(1) == b"\xff"
    shown.forget()
    assert str(shown.table()).splitlines()[1:] == [
        "greeting  window  a   x     2     0",
        "greeting  window  b   x     0     3",
    ]


def test_data_that_is_no_short_text_is_not_shown() -> None:
    assert "1 bytes" in str(display({**said(1, "a"), "text": None}).table())


def test_one_waits_for_events_that_are_taken() -> None:
    shown = display(said(1, "a"), said(2, "b", arrivals=0, refusals=1))
    shown.wait_for("a")
    with pytest.raises(WaitTimeout, match="missing: b, c"):
        shown.wait_for("a", "b", "c", timeout=0)


def test_a_display_that_is_away_is_an_error_and_worth_waiting_for() -> None:
    answers = iter([503, 200])

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(next(answers), json={"events": [said(1, "a")]})

    Display(cluster(answer), "hello-display").wait_for("a")
    gone = Display(cluster(lambda _: httpx.Response(503)), "hello-display")
    with pytest.raises(LabError, match="does not say what it has got"):
        gone.events()


def test_a_journey_ends_where_the_event_arrives() -> None:
    got: list[dict[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            got.append(said(len(got) + 1, request.headers["ce-id"]))
            return httpx.Response(202)
        return httpx.Response(200, json={"events": got})

    there = cluster(answer)
    hello = Display(there, "hello-display")
    took = journeys(there, BROKER, hello, count=3, type="greeting", source="clock")
    # It has arrived at a moment that is long gone.
    assert len(took) == 3
    assert all(each < 0 for each in took)


def test_the_picture_shows_which_event_went_where() -> None:
    events = [event("a"), event("b", source="sendoff"), event("c")]
    plot = routes("Where they went", events, [display(said(1, "a"), said(2, "x"))])
    assert str(plot).splitlines() == [
        "Where they went",
        "a, type greeting, source window → hello-display",
        "b, type greeting, source sendoff → nobody",
        "c, type greeting, source window → nobody",
    ]
    (axes,) = plot.figure().axes
    arrows = [each for each in axes.texts if getattr(each, "arrow_patch", None)]
    assert len(arrows) == 1
    assert "hello-display\n1 of 3" in [each.get_text() for each in axes.texts]


def test_a_picture_of_several_displays_is_a_picture() -> None:
    plot = RoutePlot("t", [event("a")], {"one": {"a"}, "two": {"a"}, "three": set()})
    content, words = plot._repr_png_()
    assert content.startswith(b"\x89PNG")
    assert "a, type greeting, source window → one, two" in words["alt"]


def test_an_event_is_read_as_the_display_says_it() -> None:
    assert SeenEvent.of(said(7, "a")).number == 7
