"""When a function of chapter 08 got what it was told: its own word, by this machine's clock."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from statistics import median
from typing import Any

from lab_helpers import Lab
from lab_helpers.openfaas.workflow import OpenFaaS


class Received:
    """A function that says what it got last, and when."""

    def __init__(self, lab: Lab, faas: OpenFaaS, name: str) -> None:
        self._lab = lab
        self._faas = faas
        self._name = name

    def look(self) -> dict[str, Any]:
        """How many it got, and the last ones."""
        found: dict[str, Any] = self._faas.invoke(self._name, method="GET", quiet=True).json()
        return found

    def wait_for(self, count: int, *, timeout: float = 60) -> dict[str, Any]:
        """The last ones, as soon as there are so many in all."""
        self._lab.wait_until(
            f"{count} to be received", lambda: self.look()["count"] >= count, timeout=timeout
        )
        return self.look()

    def took(self, send: Callable[[int], object], rounds: int) -> float:
        """Median milliseconds from before one is sent until it is received, one by one."""
        seconds = []
        before = self.look()["count"]
        for number in range(rounds):
            began = time.time()
            send(number)
            last = self.wait_for(before + number + 1)["last"][-1]
            seconds.append(last["at"] - began)
        return 1000 * median(seconds)


@contextmanager
def deployed(lab: Lab, name: str, **annotations: str) -> Iterator[Received]:
    """A function of chapter 08, which goes afterwards. What its commands are goes to stderr."""
    faas = lab.openfaas()
    with redirect_stdout(sys.stderr):
        faas.up(name, annotations=annotations)
    try:
        yield Received(lab, faas, name)
    finally:
        with redirect_stdout(sys.stderr):
            faas.remove(name)
