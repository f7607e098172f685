"""What functions print, how many there are of each, and what was counted of them."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta

from .._exceptions import LabError
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
        begin = _moment(since)
        past = [f"--since-time={_told(begin)}"] if begin else []
        show("faas-cli", "logs", name, "--tail=false", f"--lines={lines}", *past,
             *self._space.flags)  # fmt: skip
        self._status(name)
        return self._last(name, lines, begin)

    def _last(self, name: str, lines: int, since: datetime | None = None) -> Logs:
        found = self.gateway.log_lines(
            name, self.namespace, idle=_STREAM, tail=str(lines), since=_told(since)
        )
        # The cluster counts in whole seconds.
        newer = (line for line in found if since is None or line.at >= since)
        return Logs(sorted(newer, key=lambda line: line.at)[-lines:])

    def follow(self, name: str, *, idle: float = 10) -> Generator[LogLine]:
        """The lines that a function prints from now on, as they come.

        :param idle: seconds without a line after which it ends.
        :raises LabError: there is no such function.
        """
        show("faas-cli", "logs", name, "--since=1s", *self._space.flags)
        self._status(name)
        last = self._last(name, 1)
        return self._follow(name, idle, last[0].at if last else None)

    def _follow(self, name: str, idle: float, last: datetime | None) -> Generator[LogLine]:
        """What comes after the last line, by the cluster's clock: ours may be another."""
        found = self.gateway.log_lines(
            name, self.namespace, idle=idle, follow="true", since=_told(last)
        )
        with closing(found):
            yield from (line for line in found if last is None or line.at > last)

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

    def next_calls(self, name: str, count: int = 5) -> tuple[datetime, ...]:
        """When cron-connector calls a function next, in the time zone of its schedule.

        :raises LabError: there is no such function, or nothing calls it on a schedule.
        """
        from zoneinfo import ZoneInfo

        from ..schedules import Schedule

        said = self._status(name).get("annotations") or {}
        if "cron-function" not in said.get("topic", "").replace(" ", "").split(","):
            raise LabError(f"{name} has no topic cron-function, so nothing calls it on a schedule")
        zone = said.get("timezone", "UTC")
        try:
            schedule = Schedule(said.get("schedule", ""), zone)
        except ValueError as wrong:
            raise LabError(f"{name} is not called", seen=str(wrong)) from wrong
        moments = [datetime.now(UTC)]
        for _ in range(count):
            moments.append(schedule.after(moments[-1]))
        return tuple(each.astimezone(ZoneInfo(zone)) for each in moments[1:])

    def list(self) -> Functions:
        """The functions that are deployed."""
        show("faas-cli", "list", *self._space.flags)
        if not self._space.known():
            return Functions.of([])
        return Functions.of(self.gateway.ask("GET", "functions", namespace=self.namespace) or [])


def _moment(since: float | datetime | None) -> datetime | None:
    """A moment, or seconds back from now."""
    if isinstance(since, datetime | None):
        return since
    return datetime.now(UTC) - timedelta(seconds=since)


def _told(moment: datetime | None) -> str:
    """A moment as the gateway reads it; nothing for the beginning."""
    if moment is None:
        return ""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
