"""lab_helpers.openfaas.watching"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lab_helpers import LabError
from lab_helpers.openfaas.watching import Watching


class Listed(Watching):
    """What the gateway says of one function, without a gateway."""

    def __init__(self, **annotations: str) -> None:
        self._annotations = annotations

    def _status(self, _: str) -> dict[str, Any]:
        return {"annotations": self._annotations}


def test_the_next_calls_are_in_the_time_zone_of_the_schedule() -> None:
    listed = Listed(topic="orders, cron-function", schedule="30 7 * * 1-5", timezone="Asia/Tokyo")
    calls = listed.next_calls("x", 6)
    assert {f"{each:%H:%M %Z}" for each in calls} == {"07:30 JST"}
    assert {each.weekday() for each in calls} == {0, 1, 2, 3, 4}
    now = datetime.now(UTC)
    assert now < calls[0] < now + timedelta(days=4)
    assert calls == tuple(sorted(set(calls)))


def test_without_a_zone_they_are_in_utc() -> None:
    (call,) = Listed(topic="cron-function", schedule="0 0 1 1 *").next_calls("x", 1)
    assert (call.month, call.day, call.utcoffset()) == (1, 1, timedelta(0))


@pytest.mark.parametrize(
    ("annotations", "why"),
    [
        ({"topic": "orders"}, "no topic cron-function"),
        ({}, "no topic cron-function"),
        ({"topic": "cron-function"}, "is not called"),
        ({"topic": "cron-function", "schedule": "61 * * * *"}, "is not called"),
        ({"topic": "cron-function", "schedule": "* * * * *", "timezone": "x"}, "is not called"),
    ],
)
def test_it_is_said_why_there_are_none(annotations: dict[str, str], why: str) -> None:
    with pytest.raises(LabError, match=why):
        Listed(**annotations).next_calls("x")
