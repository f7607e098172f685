"""Clients that go on writing while something is taken away, and what became of each write."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from threading import Event, Thread
from typing import TYPE_CHECKING

from ._exceptions import LabError
from .plots import TimePlot

if TYPE_CHECKING:
    from .openfaas.workflow import OpenFaaS

_CREATED = 201
_UNANSWERED = 0


@dataclass(frozen=True)
class Write:
    """What became of one write.

    :ivar seconds: when it was answered, since the first one was sent.
    :ivar status: the answer's, 0 where none came.
    :ivar id: of the document that was acknowledged.
    """

    seconds: float
    status: int
    id: str = ""


class Writers:
    """Have clients store documents through a function, each the next when it has its answer.

    >>> with Writers(faas, "crud-mongo") as writers:      # doctest: +SKIP
    ...     lab.kubectl("delete", "pod", …)
    >>> writers.plot()                                    # doctest: +SKIP

    :param document: what every document has; a number is added.
    """

    def __init__(
        self, faas: OpenFaaS, name: str, *, clients: int = 4,
        document: dict[str, object] | None = None,
    ) -> None:  # fmt: skip
        self.writes: list[Write] = []
        self._faas = faas
        self._name = name
        self._document = document or {}
        self._ended = Event()
        self._threads = [Thread(target=self._write, args=[each]) for each in range(clients)]

    def __enter__(self) -> Writers:
        self._began = time.monotonic()
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for each in self._threads:
            each.join()

    def _write(self, client: int) -> None:
        number = 0
        while not self._ended.is_set():
            number += 1
            body = {**self._document, "writer": client, "number": number}
            self.writes.append(self._one(body))

    def _one(self, body: dict[str, object]) -> Write:
        try:
            answer = self._faas.invoke(self._name, body, quiet=True)
        except LabError:
            return Write(self._now, _UNANSWERED)
        stored = answer.status_code == _CREATED
        return Write(self._now, answer.status_code, answer.json()["_id"] if stored else "")

    @property
    def _now(self) -> float:
        return time.monotonic() - self._began

    @property
    def statuses(self) -> Counter[int]:
        """How often each status was answered."""
        return Counter(each.status for each in list(self.writes))

    @property
    def acknowledged(self) -> set[str]:
        """The ids of the documents that were said to be stored."""
        return {each.id for each in list(self.writes) if each.id}

    @property
    def stored_again(self) -> int:
        """How many documents were stored after the first that was not."""
        statuses = [each.status for each in list(self.writes)]
        refused = next((at for at, each in enumerate(statuses) if each != _CREATED), len(statuses))
        return statuses[refused:].count(_CREATED)

    @property
    def gap(self) -> float:
        """The longest time in which no document was stored, in seconds."""
        stored = sorted(each.seconds for each in list(self.writes) if each.id)
        return max((b - a for a, b in pairwise(stored)), default=0.0)

    def plot(self, title: str) -> TimePlot:
        """How many writes were answered in each second, by what was answered."""
        last = int(max((each.seconds for each in self.writes), default=0))
        series = {}
        for status in sorted(self.statuses):
            counts = Counter(int(each.seconds) for each in self.writes if each.status == status)
            points = [(float(second), float(counts[second])) for second in range(last + 1)]
            series[_NAMES.get(status, str(status))] = points
        return TimePlot(title, series, unit="answers/s", steps=True)


_NAMES = {_CREATED: "stored (201)", 503: "not now (503)", _UNANSWERED: "no answer"}
