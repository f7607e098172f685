"""Requests in numbers: how long they take, and who answers them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count as numbers
from statistics import median, quantiles

import httpx

from . import _wait
from ._exceptions import UsageError

CLIENTS = 8
"""How many requests are under way at once where the number of answers is what counts."""


def latencies(client: httpx.Client, url: str, count: int) -> list[float]:
    """How long requests took that were sent one after the other, in milliseconds.

    :raises httpx.HTTPStatusError: one was not answered with success.
    """
    return [_timed(client, url) for _ in range(count)]


def _timed(client: httpx.Client, url: str) -> float:
    began = time.perf_counter()
    # A request may have to wait for a pod to be made.
    client.get(url, timeout=60).raise_for_status()
    return 1000 * (time.perf_counter() - began)


def count_answers(client: httpx.Client, url: str, count: int, *, header: str) -> Counter[str]:
    """Send requests side by side, and count the answers by the value of a header.

    :raises httpx.HTTPStatusError: one was not answered with success.
    """

    def ask(_: int) -> str:
        answer = client.get(url, timeout=60).raise_for_status()
        return str(answer.headers.get(header, ""))

    with ThreadPoolExecutor(CLIENTS) as pool:
        return Counter(pool.map(ask, range(count)))


@dataclass
class Load:
    """What came of many requests. Nothing is left out: each is an answer or an error.

    :ivar latencies: milliseconds of each answer, whatever its status.
    :ivar statuses: how often each HTTP status came.
    :ivar errors: how often something else came than an answer, by what it was.
    :ivar seconds: from the first request to the last answer.
    """

    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def sent(self) -> int:
        """How many requests there were."""
        return self.statuses.total() + self.errors.total()

    @property
    def lost(self) -> int:
        """How many were not answered with success."""
        good = sum(times for status, times in self.statuses.items() if status < 400)
        return self.sent - good

    @property
    def rate(self) -> float:
        """Answers in a second."""
        return self.statuses.total() / self.seconds if self.seconds else 0.0

    def percentile(self, per_cent: int) -> float:
        """The latency that so many of the answers stayed below, in milliseconds."""
        if len(self.latencies) < 2:
            return self.latencies[0] if self.latencies else 0.0
        return quantiles(self.latencies, n=100, method="inclusive")[per_cent - 1]

    def text(self) -> str:
        """All of it in a few lines."""
        answers = [f"{times} answered {status}" for status, times in sorted(self.statuses.items())]
        lines = [
            f"{self.sent} requests in {self.seconds:.1f} s: {', '.join(answers) or 'no answer'}",
            *(f"{times} without an answer: {what}" for what, times in self.errors.most_common()),
        ]
        if self.latencies:
            lines.append(
                f"{self.rate:.0f} answers/s, median {median(self.latencies):.1f} ms, "
                f"95 % below {self.percentile(95):.1f} ms, slowest {max(self.latencies):.1f} ms"
            )
        return "\n".join(lines)

    def __repr__(self) -> str:
        return self.text()

    def _add(self, other: Load) -> None:
        self.latencies += other.latencies
        self.statuses += other.statuses
        self.errors += other.errors


def hammer(
    client: httpx.Client, url: str, *, count: int = 0, seconds: float = 0, clients: int = CLIENTS,
    method: str = "GET", content: bytes | str = b"", headers: Mapping[str, str] | None = None,
    timeout: float = 60,
) -> Load:  # fmt: skip
    """Send requests from several clients at once, each the next when it has its answer.

    Errors are counted and not raised: what became of the requests is the result.

    :param count: how many in all, or
    :param seconds: for how long; what is under way then is waited for.
    :param timeout: seconds that one request may take.
    :raises UsageError: both of count and seconds are given, or neither.
    """
    if (count > 0) == (seconds > 0):
        raise UsageError("hammer needs a count of requests, or a number of seconds: one of them")
    # `next` is one step of the interpreter, so that no number is drawn twice.
    drawn = numbers()
    began = time.perf_counter()

    def more() -> bool:
        return next(drawn) < count if count else time.perf_counter() - began < seconds

    def work(_: int) -> Load:
        own = Load()
        while more():
            request = client.build_request(
                method, url, content=content or None, headers=headers, timeout=timeout
            )
            _send(client, request, own)
        return own

    load = Load()
    with ThreadPoolExecutor(clients) as pool:
        for part in pool.map(work, range(clients)):
            load._add(part)
    load.seconds = time.perf_counter() - began
    return load


def visit(
    client: httpx.Client, url: str, *, readers: int, every: float, seconds: float,
    timeout: float = 60,
) -> Load:  # fmt: skip
    """Send requests as readers of a page do: each one after so much time, answered or not.

    They begin one after the other, so that they are spread over the time between two requests.

    :param readers: how many there are.
    :param every: seconds between two requests of one reader.
    :param seconds: for how long requests are sent; what is under way then is waited for.
    :param timeout: seconds that one request may take.
    """
    pause, count = every / readers, round(readers * seconds / every)
    load, done = Load(), list[Load]()
    began = time.perf_counter()

    def read(_: int) -> None:
        own = Load()
        _send(client, client.build_request("GET", url, timeout=timeout), own)
        done.append(own)

    with ThreadPoolExecutor(readers) as pool:
        for number in range(count):
            _wait.pause_until(began + number * pause)
            pool.submit(read, number)
    for each in done:
        load._add(each)
    load.seconds = time.perf_counter() - began
    return load


def _send(client: httpx.Client, request: httpx.Request, load: Load) -> None:
    began = time.perf_counter()
    try:
        answer = client.send(request)
    except httpx.HTTPError as failed:
        load.errors[f"{type(failed).__name__}: {failed}"] += 1
    else:
        load.latencies.append(1000 * (time.perf_counter() - began))
        load.statuses[answer.status_code] += 1
