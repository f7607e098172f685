"""Requests in numbers: how long they take, and who answers them."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx

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
