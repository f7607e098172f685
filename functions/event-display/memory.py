"""What has arrived: kept in memory, so that it goes with the pod."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256

from .reading import Read

SHOWN = 1000
"""A text that is longer is not shown in the list; its bytes can be had by its number."""


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


@dataclass
class Seen:
    """One event, however often it came.

    :ivar number: events are numbered from 1 on in the order in which they first came.
    :ivar arrivals: when it came and was accepted. More than one: it came again.
    :ivar refusals: when it came and was refused.
    """

    number: int
    read: Read
    arrivals: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)

    def as_json(self) -> dict:
        data = self.read.data
        return {
            "number": self.number,
            "mode": self.read.mode,
            "attributes": self.read.attributes,
            "size": len(data),
            "sha256": sha256(data).hexdigest(),
            "text": _shown(data),
            "arrivals": self.arrivals,
            "refusals": self.refusals,
        }


class Memory:
    """The last events.

    :param most: how many are kept.
    :param room: bytes that their data may have together.
    """

    def __init__(self, most: int, room: int) -> None:
        self._most, self._room = most, room
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self._events: OrderedDict[tuple[str, str], Seen] = OrderedDict()
        self._bytes = 0
        self.last = 0
        """The number of the newest one."""

    def keep(self, read: Read, *, refused: bool = False) -> Seen:
        """Note that an event came. Two are the same if source and id are."""
        key = (read.attributes["source"], read.attributes["id"])
        seen = self._events.get(key)
        if seen is None:
            self.last += 1
            seen = self._events[key] = Seen(self.last, read)
            self._bytes += len(read.data)
            self._make_room()
        (seen.refusals if refused else seen.arrivals).append(now())
        return seen

    def _make_room(self) -> None:
        while len(self._events) > self._most or self._bytes > self._room:
            _, oldest = self._events.popitem(last=False)
            self._bytes -= len(oldest.read.data)

    def after(self, number: int) -> list[Seen]:
        """The events that are still known and are newer than the one of this number."""
        return [each for each in self._events.values() if each.number > number]

    def data(self, number: int) -> Read | None:
        found = [each.read for each in self._events.values() if each.number == number]
        return found[0] if found else None

    @property
    def forgotten(self) -> int:
        """How many had to go to make room."""
        return self.last - len(self._events)


def _shown(data: bytes) -> str | None:
    try:
        return data.decode() if len(data) <= SHOWN else None
    except UnicodeDecodeError:
        return None
