"""images/connectors: functions are called on a schedule"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import takewhile
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from lab_helpers import images

from .connector import Connector, Gateway

sys.path.insert(0, str(images.IMAGES / "connectors/server"))
from connector.schedule import Schedule  # type: ignore[import-not-found]

sys.path.pop(0)
START = datetime(2024, 1, 1, tzinfo=UTC)
END = datetime(2034, 1, 1, tzinfo=UTC)
MADRID = ZoneInfo("Europe/Madrid")


def times(text: str, zone: str = "UTC", start: datetime = START, end: datetime = END) -> list[str]:
    """When a schedule's time comes."""
    schedule, moment, found = Schedule(text, zone), start, []
    while (moment := schedule.after(moment)) < end:
        found.append(moment.isoformat())
    return found


def others(text: str, start: datetime = START, end: datetime = END) -> list[str]:
    """The same in UTC by another library, told to read a star as Vixie's cron does."""
    found = croniter(text, start, implement_cron_bug=True).all_next(datetime)
    return [each.isoformat() for each in takewhile(lambda each: each < end, found)]


YEARS = [
    "1 */4 * * *", "0 0 1 * *", "0 0 29 2 *", "30 6 * * 1-5", "0 12 13 * FRI", "0 12 13 * 5",
    "15,45 3 1,15 jan,JUL *", "0 0 */2 * mon", "0 0 1 * */2", "5 4 * * sun", "5 4 * * 7",
    "5 4 * * 0", "0 22 * * 1-5", "0 0 31 * *", "0 0 1-7 * 1", "*/20 9-17 28-31 12 *",
    "59 23 31 12 *", "0 */5 * 2-11/3 TUE-THU", "0 0 * feb-apr *", "7-59/13 0 1 1,6 *",
]  # fmt: skip


@pytest.mark.parametrize("text", YEARS)
def test_ten_years_are_the_same_in_another_library(text: str) -> None:
    assert times(text) == others(text)


NUMBERS = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 6)]


@st.composite
def fields(draw: st.DrawFn, low: int, high: int) -> str:
    def item() -> str:
        # A range of one, as 0-0, is something else to the other one: see below.
        first = draw(st.integers(low, high - 1))
        last = draw(st.integers(first + 1, high))
        step = draw(st.integers(1, high))
        return draw(st.sampled_from([f"{first}", f"{first}-{last}", f"{first}-{last}/{step}"]))

    every = draw(st.sampled_from(["", "", "*", f"*/{draw(st.integers(1, high))}"]))
    return every or ",".join(item() for _ in range(draw(st.integers(1, 3))))


@hypothesis_settings(deadline=None, max_examples=100, derandomize=True)
@given(st.tuples(*(fields(low, high) for low, high in NUMBERS)), st.integers(0, 3650))
def test_any_schedule_is_the_same_in_another_library(parts: tuple[str, ...], day: int) -> None:
    text, start = " ".join(parts), START + timedelta(days=day)
    try:
        schedule = Schedule(text)
    except ValueError:
        # No such day, as the 31st of February: the other one looks for years, and gives up.
        assert others(text, start, start + timedelta(days=1500)) == []
        return
    moment, found = start, []
    for _ in range(30):
        moment = schedule.after(moment)
        found.append(moment.isoformat())
    expected = croniter(text, start, implement_cron_bug=True, max_years_between_matches=60)
    assert found == [expected.get_next(datetime).isoformat() for _ in range(30)]


@pytest.mark.parametrize(
    ("text", "same"), [("5-5 0 * * *", "5 0 * * *"), ("0 0 * * 3-3", "0 0 * * 3")]
)
def test_a_range_of_one_is_that_one(text: str, same: str) -> None:
    """As crontab has it. The other library takes it for the whole field."""
    month = START, START + timedelta(days=31)
    assert times(text, "UTC", *month) == times(same, "UTC", *month) == others(same, *month)
    assert others(same, *month) != others(text, *month)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "has 0 fields"), ("* * * *", "has 4 fields"), ("* * * * * *", "has 6 fields"),
        ("@daily", "has 1 fields"), ("60 * * * *", "minute"), ("* 24 * * *", "hour"),
        ("* * 0 * *", "day"), ("* * 32 * *", "day"), ("* * * 13 *", "month"),
        ("* * * * 8", "day"), ("*/0 * * * *", "minute"), ("5-1 * * * *", "minute"),
        ("5/10 * * * *", "minute"), ("1,,2 * * * *", "minute"), ("a * * * *", "minute"),
        ("* * * foo *", "month"), ("* * L * *", "day"), ("* * * * 5L", "day"),
        ("* * * * 1#2", "day"), ("? * * * *", "minute"), ("-1 * * * *", "minute"),
        ("1- * * * *", "minute"), ("* * * * fri-mon", "day"), ("0 0 30 2 *", "day"),
        ("0 0 31 4,6,9,11 *", "day"), ("\u0661 * * * *", "minute"),
    ],
)  # fmt: skip
def test_what_is_no_schedule_says_why(text: str, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        Schedule(text)


@pytest.mark.parametrize("zone", ["Nowhere/City", "", "../../etc/passwd", "/etc/localtime"])
def test_what_is_no_time_zone_says_so(zone: str) -> None:
    with pytest.raises(ValueError, match="time zone"):
        Schedule("* * * * *", zone)


def local(text: str, zone: str, day: str) -> list[str]:
    """The times of one day by its clock, with the difference to UTC."""
    here = ZoneInfo(zone)
    start = datetime.fromisoformat(f"{day}T00:00").replace(tzinfo=here)
    begin = (start - timedelta(seconds=1)).astimezone(UTC)
    end = (start + timedelta(days=1)).astimezone(UTC)
    found = (
        datetime.fromisoformat(each).astimezone(here) for each in times(text, zone, begin, end)
    )
    return [each.strftime("%H:%M%z") for each in found]


FORTH, BACK = "2026-03-29", "2026-10-25"
"""Days on which Madrid's clocks go from 2 to 3, and from 3 to 2."""


@pytest.mark.parametrize(
    ("text", "day", "wanted"),
    [
        # Skipped: it comes as soon as the clock has jumped. There twice: it counts once.
        ("30 2 * * *", FORTH, ["03:00+0200"]),
        ("30 2 * * *", BACK, ["02:30+0200"]),
        ("0 2,3 * * *", FORTH, ["03:00+0200"]),
        ("0 1,2,3 * * *", BACK, ["01:00+0200", "02:00+0200", "03:00+0100"]),
        ("0 4 * * *", FORTH, ["04:00+0200"]),
        ("0 4 * * *", BACK, ["04:00+0100"]),
    ],
)
def test_a_fixed_hour_comes_once_on_days_on_which_clocks_change(
    text: str, day: str, wanted: list[str]
) -> None:
    assert local(text, "Europe/Madrid", day) == wanted


@pytest.mark.parametrize(("day", "hours"), [(FORTH, 23), (BACK, 25)])
def test_a_star_goes_by_the_clock(day: str, hours: int) -> None:
    assert len(local("*/30 * * * *", "Europe/Madrid", day)) == 2 * hours
    assert len(local("0 * * * *", "Europe/Madrid", day)) == hours


def test_another_library_agrees_but_for_an_hour_that_is_there_twice() -> None:
    """Ten years in Madrid. An hour that is there twice has two calls in the other library; it is
    cron's rule that what has a fixed time comes once. Where an hour is skipped, both call as soon
    as the clock has jumped."""
    text = "30 2 * * *"
    mine = set(times(text, "Europe/Madrid"))
    begin = START.astimezone(MADRID)
    found = croniter(text, begin).all_next(datetime)
    theirs = {
        each.astimezone(UTC).isoformat() for each in takewhile(lambda each: each < END, found)
    }
    different = {datetime.fromisoformat(each).astimezone(MADRID).date() for each in mine ^ theirs}
    changes = {each for year in range(2024, 2034) for each in clock_changes(year)}
    assert different == {each for each in changes if each.month == 10}
    assert len(mine) == (END - START).days


def clock_changes(year: int) -> Iterator[date]:
    day = datetime(year, 1, 1, 12, tzinfo=MADRID)
    while day.year == year:
        after = day + timedelta(days=1)
        if after.utcoffset() != day.utcoffset():
            yield after.date()
        day = after


def test_ten_years_in_a_zone_are_quickly_computed() -> None:
    began = time.perf_counter()
    assert len(times("0 9 * * MON-FRI", "America/New_York")) > 2600
    assert time.perf_counter() - began < 30


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    started = Gateway().start()
    yield started
    started.end()


@pytest.fixture
def make(gateway: Gateway, tmp_path: Path) -> Iterator[Callable[..., Connector]]:
    made: list[Connector] = []

    def begin(**variables: str) -> Connector:
        made.append(Connector("cron", tmp_path, gateway))
        return made[-1].start(**variables)

    yield begin
    for each in made:
        each.stop()


def scheduled(schedule: str = "* * * * *", **more: str) -> dict[str, str]:
    return {"topic": "cron-function", "schedule": schedule, **more}


def test_functions_are_called_when_their_time_has_come(
    gateway: Gateway, make: Callable[..., Connector]
) -> None:
    gateway.answers["fails"] = lambda _: 500
    gateway.functions = {
        "works": scheduled(), "fails": scheduled(), "never": scheduled("0 0 29 2 *"),
        "other": {"topic": "a-subject"}, "plain": {},
    }  # fmt: skip
    connector = make()
    connector.wait_for("scheduled", 3)
    # At most a minute; all that has to wait for the clock is in this one test.
    (call,) = gateway.wait_for("works", 1, timeout=65)
    assert datetime.fromtimestamp(call.at, UTC).second < 3
    assert call.body == b""
    assert call.headers["x-topic"] == "cron-function"
    assert call.headers["x-connector"] == "cron-connector"
    connector.wait_for("given up")
    assert len(gateway.of("fails")) == 4
    assert {each.function for each in gateway.calls} == {"works", "fails"}
    assert connector.counted("connector_given_up_total") == 1


def test_a_wrong_schedule_is_said_and_skips_only_its_function(
    gateway: Gateway, make: Callable[..., Connector]
) -> None:
    gateway.functions = {
        "wrong": scheduled("61 * * * *"), "zone": scheduled(timezone="Nowhere/City"),
        "none": {"topic": "cron-function"}, "right": scheduled("0 3 * * *", timezone="Asia/Tokyo"),
    }  # fmt: skip
    connector = make()
    line = connector.wait_for("scheduled")
    assert line["function"] == "right"
    assert line["next"].endswith("T18:00:00+00:00")
    assert connector.counted("connector_refused_functions") == 3
    assert connector.log.count('"kind": "WrongSchedule"') == 3
    gateway.functions["wrong"] = scheduled("1 * * * *")
    assert connector.wait_for("scheduled", 2)["function"] == "wrong"
    # Each is said once, and not at each look.
    assert connector.log.count('"kind": "WrongSchedule"') == 3


def test_schedules_come_change_and_go_without_a_restart(
    gateway: Gateway, make: Callable[..., Connector]
) -> None:
    connector = make()
    gateway.functions["comes"] = scheduled("1 2 3 4 *")
    assert connector.wait_for("scheduled")["schedule"] == "1 2 3 4 *"
    gateway.functions["comes"] = scheduled("5 2 3 4 *")
    assert connector.wait_for("scheduled", 2)["schedule"] == "5 2 3 4 *"
    del gateway.functions["comes"]
    connector.wait_for("no longer scheduled", 2)
    gateway.end()
    connector.wait_for("the gateway does not list its functions")
    gateway.functions["comes"] = scheduled("1 2 3 4 *")
    gateway.start()
    connector.wait_for("scheduled", 3)
    assert connector.end(signal.SIGTERM) == 0
