"""When a schedule's time has come: five fields, as `crontab` describes them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

_WORD = r"(?:[0-9]{1,2}|[A-Za-z]{3})"
_RANGE = rf"(?:\*|{_WORD}-{_WORD})(?:/[0-9]{{1,2}})?"
_FIELD = re.compile(rf"(?:{_WORD}|{_RANGE})(?:,(?:{_WORD}|{_RANGE}))*")
"""A number or name, a range, every one; steps after the latter two; lists of all these.

The library knows more than `crontab` does: seconds, the last day, the second Monday.
"""
_FIELDS = ("minute", "hour", "day of the month", "month", "day of the week")


class Schedule:
    """A schedule in a time zone.

    Where clocks change, it goes by the rules of Debian's cron: a time that is skipped comes as soon
    as the clock has jumped, and one that is there twice counts once; schedules with a star for the
    minute or for the hour go by the clock.

    :param text: minute, hour, day of the month, month, day of the week.
    :param zone: a name such as `Europe/Madrid`.
    :raises ValueError: it is none, or its time never comes; says why.
    """

    def __init__(self, text: str, zone: str = "UTC") -> None:
        self._zone = _zone(zone)
        self._text = _checked(text)
        try:
            self.after(datetime(2024, 1, 1, tzinfo=UTC))
        except CronSimError as wrong:
            raise ValueError(f"{text!r}: {str(wrong).lower()}") from wrong
        except StopIteration:
            raise ValueError(f"{text!r}: there is no such day") from None

    def after(self, moment: datetime) -> datetime:
        """The first time after a moment, in UTC.

        :param moment: with its time zone.
        """
        for found in CronSim(self._text, moment.astimezone(self._zone)):
            due = found.astimezone(UTC)
            # In the hour that is there twice, the first one may be meant: that has passed.
            if due > moment:
                return due
        raise StopIteration


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError) as unknown:
        raise ValueError(f"there is no time zone {name!r}") from unknown


def _checked(text: str) -> str:
    fields = text.split()
    if len(fields) != len(_FIELDS):
        raise ValueError(f"{text!r} has {len(fields)} fields, and a schedule has five")
    for name, field in zip(_FIELDS, fields, strict=True):
        if not _FIELD.fullmatch(field):
            raise ValueError(f"{text!r}: {field!r} is no {name}")
    return " ".join(fields)
