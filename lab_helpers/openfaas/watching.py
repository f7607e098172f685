"""What functions print, how many there are of each, and what was counted of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from . import rollout
from .access import Access
from .commands import show
from .gateway import LogLine
from .metrics import Metrics, Series
from .views import Description, Functions, Logs

_STREAM = 60
"""Seconds that the gateway may take to hand over a log that it does not follow."""


class Watching(Access):
    """Functions are looked at."""

    def logs(
        self, name: str, *, lines: int = 20, since: float | datetime | None = None
    ) -> Logs:  # fmt: skip
        """The last lines that a function's pods have printed, in the order of time.

        :param since: only what is newer: seconds back, or a moment.
        :raises LabError: there is no such function.
        """
        past = [f"--since-time={_moment(since)}"] if since is not None else []
        show("faas-cli", "logs", name, "--tail=false", f"--lines={lines}", *past,
             *self._space.flags)  # fmt: skip
        self._status(name)
        found = self.gateway.log_lines(
            name, self.namespace, idle=_STREAM, tail=str(lines), since=_moment(since)
        )
        return Logs(sorted(found, key=lambda line: line.at)[-lines:])

    def follow(self, name: str, *, idle: float = 10) -> Iterator[LogLine]:
        """The lines that a function prints from now on, as they come.

        :param idle: seconds without a line after which it ends.
        :raises LabError: there is no such function.
        """
        now = datetime.now(UTC)
        show("faas-cli", "logs", name, f"--since-time={_moment(now)}", *self._space.flags)
        self._status(name)
        return self.gateway.log_lines(
            name, self.namespace, idle=idle, follow="true", since=_moment(now)
        )

    def describe(self, name: str) -> Description:
        """What there is of a function, and why it does not start where it does not.

        :raises LabError: there is no such function.
        """
        show("faas-cli", "describe", name, *self._space.flags)
        status = {**self._status(name), "invocationCount": self.metrics(name).calls}
        state = rollout.State.look(self._lab, name, self.namespace)
        seen = (f"{each.what}: {each.seen}" for each in rollout.troubles(self._lab, state))
        why = next(seen, str(status.get("problem", "")))
        queued = f"{self.gateway.address}{self._space.path('async-function', name)}"
        return Description(status, self.url(name), queued, why)

    def metrics(self, name: str) -> Metrics:
        """What Prometheus has counted of a function."""
        return Metrics(self.prometheus, f"{name}.{self.namespace}")

    def rates(self, name: str, seconds: float = 120) -> Series:
        """Answers in a second over the last seconds, by their HTTP status.

        Shape: ``{"200": [(0.0, 12.5), …]}``, for a ``TimePlot``.
        """
        return self.metrics(name).rates(seconds)

    def latency(
        self, name: str, per_cents: Sequence[int] = (50, 95, 99), seconds: float = 120
    ) -> Series:
        """Milliseconds that so many per cent of the answers stayed below, as :meth:`rates`."""
        return self.metrics(name).latency(seconds, per_cents)

    def replicas(self, name: str, seconds: float = 120) -> Series:
        """How many pods a function was meant to have, as :meth:`rates`."""
        return self.metrics(name).replicas(seconds)

    def list(self) -> Functions:
        """The functions that are deployed."""
        show("faas-cli", "list", *self._space.flags)
        if not self._space.known():
            return Functions.of([])
        return Functions.of(self.gateway.ask("GET", "functions", namespace=self.namespace) or [])


def _moment(since: float | datetime | None) -> str:
    """A moment, or seconds back from now, as the gateway reads it; nothing for the beginning."""
    if since is None:
        return ""
    moment = since if isinstance(since, datetime) else datetime.now(UTC) - timedelta(seconds=since)
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
