"""lab_helpers.failover"""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest

from lab_helpers import LabError
from lab_helpers._wait import NotYet, until
from lab_helpers.failover import LagWatch, Write, Writers


def writers(handler: Callable[[httpx.Request], httpx.Response], clients: int = 3) -> Writers:
    client = httpx.Client(transport=httpx.MockTransport(handler))
    return Writers(client, "http://function/", {"x-device-id": "7"}, clients=clients)


def enough(watched: Writers, number: int) -> None:
    def probe() -> None:
        if len(watched.writes) < number:
            raise NotYet(f"{len(watched.writes)} writes")

    until("some writes", probe, timeout=10, interval=0.02)


def test_every_write_has_a_number_of_its_own_and_is_noted() -> None:
    seen: list[int] = []

    def keep(request: httpx.Request) -> httpx.Response:
        assert request.headers["x-device-id"] == "7"
        number = json.loads(request.content)["uptime"]
        seen.append(number)
        if number % 3 == 0:
            raise httpx.ConnectError("away")
        return httpx.Response(503 if number % 3 == 1 else 200)

    with writers(keep) as watched:
        enough(watched, 12)
    assert len(seen) == len(set(seen)) == len(watched.writes)
    assert watched.acknowledged == {number for number in seen if number % 3 == 2}
    assert watched.statuses.total() == len(seen)
    assert set(watched.statuses) == {0, 200, 503}


def test_the_longest_pause_is_between_acknowledgements() -> None:
    watched = writers(lambda _: httpx.Response(200))
    assert watched.longest_pause == 0
    watched.writes = [Write(0.5, 1, 200), Write(9.0, 4, 200), Write(1.0, 2, 200), Write(5, 3, 503)]
    assert watched.longest_pause == 8.0
    assert watched.acknowledged_since(1.0) == 1


def test_the_picture_says_in_words_what_happened_when() -> None:
    watched = writers(lambda _: httpx.Response(200))
    watched.writes = [Write(0.1 * n, n, 503 if 10 <= n < 20 else 200) for n in range(40)]
    watched.marks = [(1.0, "the leader is killed")]
    plot = watched.plot("A failover")
    assert plot.series["acknowledged"] == [(0.0, 10.0), (1.0, 0.0), (2.0, 10.0)]
    assert plot.series["refused"] == [(0.0, 0.0), (1.0, 10.0), (2.0, 0.0)]
    assert "1.0 s: the leader is killed" in plot.text()
    assert len(plot.figure().axes[0].texts) == 1


class Leader:
    """What a connection to a leader says of its replica."""

    def execute(self, _: str) -> Leader:
        return self

    def fetchall(self) -> list[tuple[float | None, float | None]]:
        return [(1024.0, None)]


def test_lag_is_looked_at_until_it_is_left() -> None:
    watched = LagWatch(Leader(), every=0.01)  # type: ignore[arg-type]
    with pytest.raises(LabError, match="no replica"):
        watched.plot("Lag")
    with watched:
        watched.wait_for(0.2)
        watched.mark("something")
    plot = watched.plot("Lag")
    assert {value for _, value in plot.series["not kept by the replica"]} == {1.0}
    assert {value for _, value in plot.series["not applied by the replica"]} == {0.0}
    assert "something" in plot.text()
