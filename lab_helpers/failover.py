"""Clients that write while a database changes its leader, and how far a replica is behind.

The chapter on PostgreSQL measures with it what a failure costs: which writes were acknowledged,
and for how long none was.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count, pairwise
from threading import Event, Thread
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx

from ._exceptions import LabError
from .plots import TimePlot

if TYPE_CHECKING:
    import psycopg
    from matplotlib.figure import Figure

CLIENTS = 20
TIMEOUT = 9.0
"""Seconds that one write may take: what the function waits for a connection, and some more."""
_PAUSE = 0.05
"""Seconds between a client's writes: what is measured is what is lost, not how much it takes."""
_LAG = """
    SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), flush_lsn)::float8,
           pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::float8
    FROM pg_stat_replication WHERE state = 'streaming'
"""


class Write(NamedTuple):
    """One write: when it was answered, in seconds since the first one began, and how.

    :ivar status: the HTTP status; 0 where there was no answer.
    """

    at: float
    number: int
    status: int


class _Watch:
    """Something that is done over and over in threads, until it is left."""

    def __init__(self, threads: int) -> None:
        self._over = Event()
        self._threads = [Thread(target=self._work, daemon=True) for _ in range(threads)]
        self._began = time.perf_counter()

    @property
    def seconds(self) -> float:
        """How long it has been going on."""
        return time.perf_counter() - self._began

    def _work(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Any:
        self._began = time.perf_counter()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._over.set()
        for thread in self._threads:
            thread.join()


class Writers(_Watch):
    """Devices' reports, sent by many clients one after the other, each with a number of its own.

    Nothing is sent twice: whether a write that was not acknowledged has happened is not known.

    :ivar writes: what became of each.
    :ivar marks: what happened meanwhile, with the second.
    """

    def __init__(
        self, client: httpx.Client, url: str, headers: Mapping[str, str], *,
        clients: int = CLIENTS,
    ) -> None:  # fmt: skip
        super().__init__(clients)
        self._url, self._headers = url, dict(headers)
        self._client = client
        # No two of them send the same number, so that none is taken for another's.
        self._numbers = count(time.time_ns() // 1000)
        self.writes: list[Write] = []
        self.marks: list[tuple[float, str]] = []

    def mark(self, what: str) -> None:
        """Note that something happened now, for the picture."""
        self.marks.append((self.seconds, what))

    @property
    def acknowledged(self) -> set[int]:
        """The numbers of the writes that were answered with 200."""
        return {write.number for write in self.writes if write.status == 200}

    @property
    def statuses(self) -> Counter[int]:
        """How often each status was answered."""
        return Counter(write.status for write in self.writes)

    def acknowledged_since(self, second: float) -> int:
        """How many writes were acknowledged after that second."""
        return sum(write.status == 200 and write.at > second for write in self.writes)

    @property
    def longest_pause(self) -> float:
        """The longest time in which no write was acknowledged, in seconds."""
        times = sorted(write.at for write in self.writes if write.status == 200)
        return max((later - earlier for earlier, later in pairwise(times)), default=0.0)

    def plot(self, title: str) -> Timeline:
        """Writes by the second, and what happened when."""
        last = int(max((write.at for write in self.writes), default=0))
        by_kind = {
            "acknowledged": Counter(int(w.at) for w in self.writes if w.status == 200),
            "refused": Counter(int(w.at) for w in self.writes if w.status != 200),
        }
        # The last second is not over.
        series = {
            name: [(float(second), float(counted[second])) for second in range(last)]
            for name, counted in by_kind.items()
        }
        return Timeline(title, series, self.marks, unit="writes/s")

    def _work(self) -> None:
        while not self._over.wait(_PAUSE):
            number = next(self._numbers)
            body = json.dumps({"uptime": number, "temperature": 20})
            try:
                answer = self._client.post(
                    self._url, content=body, headers=self._headers, timeout=TIMEOUT
                )
                status = answer.status_code
            except httpx.HTTPError:
                status = 0
            self.writes.append(Write(self.seconds, number, status))


class Timeline(TimePlot):
    """How something changed, and what happened when."""

    def __init__(
        self, title: str, series: Mapping[str, Sequence[tuple[float, float]]],
        marks: Sequence[tuple[float, str]], *, unit: str = "",
    ) -> None:  # fmt: skip
        super().__init__(title, series, unit=unit, steps=True)
        self.marks = list(marks)

    def text(self) -> str:
        """The series, and each mark with its second."""
        return "\n".join([super().text(), *(f"{when:.1f} s: {what}" for when, what in self.marks)])

    def figure(self) -> Figure:
        figure = super().figure()
        (axes,) = figure.axes
        for row, (when, what) in enumerate(self.marks):
            axes.axvline(when, color="#1c2b33", linewidth=1, linestyle=":")
            axes.annotate(what, (when, 0.92 - 0.12 * (row % 4)), xytext=(4, 0),
                          xycoords=("data", "axes fraction"), textcoords="offset points",
                          fontsize=8)  # fmt: skip
        return figure


@dataclass(frozen=True)
class Behind:
    """How far a replica is behind, in bytes of the leader's log.

    :ivar at: seconds since the first look.
    :ivar kept: what the replica does not have on its disk yet.
    :ivar applied: what those who read from it do not see yet.
    """

    at: float
    kept: float
    applied: float


class LagWatch(_Watch):
    """How far the replica is behind, looked at several times a second.

    :param connection: a connection to the leader that nobody else uses meanwhile.
    :ivar samples: what was seen.
    :ivar marks: what happened meanwhile, with the second.
    """

    def __init__(self, connection: psycopg.Connection[Any], *, every: float = 0.1) -> None:
        super().__init__(1)
        self._connection, self._every = connection, every
        self.samples: list[Behind] = []
        self.marks: list[tuple[float, str]] = []

    def mark(self, what: str) -> None:
        """Note that something happened now, for the picture."""
        self.marks.append((self.seconds, what))

    def wait_for(self, seconds: float) -> None:
        """Let some time pass."""
        self._over.wait(seconds)

    def plot(self, title: str) -> Timeline:
        """Both distances over time.

        :raises LabError: there was no replica.
        """
        if not self.samples:
            raise LabError("no replica was seen", remedy="look at the pods with spilo-role=replica")
        series = {
            "not kept by the replica": [(each.at, each.kept / 1024) for each in self.samples],
            "not applied by the replica": [(each.at, each.applied / 1024) for each in self.samples],
        }
        return Timeline(title, series, self.marks, unit="KiB")

    def _work(self) -> None:
        while not self._over.wait(self._every):
            for kept, applied in self._connection.execute(_LAG).fetchall():
                self.samples.append(Behind(self.seconds, kept or 0.0, applied or 0.0))
