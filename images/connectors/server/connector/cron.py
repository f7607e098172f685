"""Calls functions on a schedule: `topic: cron-function` and `schedule: "1 */4 * * *"`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from . import metrics
from .calling import Caller
from .claims import Claims
from .functions import CRON, Function
from .log import say
from .reporting import Reporter
from .schedule import Schedule
from .settings import Settings

_LATE = timedelta(seconds=30)
"""A call that is later than this is left out: the machine was asleep, or no connector ran."""
_NAP = 20.0
"""Seconds after which a sleeper looks at the clock: somebody may have set it."""


@dataclass
class Job:
    """One function and its schedule.

    :ivar said: the annotations that it was made of.
    :ivar waiting: waits for the next time; :ivar call: is under way.
    """

    function: Function
    said: tuple[str, str]
    waiting: asyncio.Task[None] | None = None
    call: asyncio.Task[None] | None = field(default=None)


class CronConnector:
    """Waits for each function's next time."""

    name = "cron-connector"
    ready = True

    def __init__(self, settings: Settings, caller: Caller, reporter: Reporter) -> None:
        self._caller = caller
        self._reporter = reporter
        self._drain = settings.drain
        self._claims = Claims()
        self._jobs: dict[str, Job] = {}
        self._ending: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """There is nothing to connect to."""

    async def update(self, functions: list[Function]) -> None:
        wanted = {each.key: each for each in functions if CRON in each.topics}
        for key, job in list(self._jobs.items()):
            if key not in wanted or _said(wanted[key]) != job.said:
                self._end(key)
        for key in set(self._reporter.known()) - set(wanted):
            self._reporter.right(key)
        for key, function in wanted.items():
            if key not in self._jobs:
                await self._begin(function)
        metrics.FUNCTIONS.set(len(self._jobs))
        metrics.REFUSED.set(self._reporter.count)

    async def _begin(self, function: Function) -> None:
        text, zone = _said(function)
        try:
            schedule = Schedule(text, zone)
        except ValueError as wrong:
            await self._reporter.wrong(function, "WrongSchedule", f"it is not called: {wrong}")
            return
        self._reporter.right(function.key)
        job = Job(function, (text, zone))
        job.waiting = asyncio.create_task(self._follow(job, schedule))
        self._jobs[function.key] = job

    def _end(self, key: str) -> None:
        job = self._jobs.pop(key)
        if job.waiting:
            job.waiting.cancel()
        say("info", "no longer scheduled", function=job.function.name,
            namespace=job.function.namespace)  # fmt: skip

    async def _follow(self, job: Job, schedule: Schedule) -> None:
        """Make each call when its time has come, and nothing else meanwhile."""
        moment = await self._beginning(job.function)
        due = schedule.after(moment)
        say("info", "scheduled", function=job.function.name, namespace=job.function.namespace,
            schedule=job.said[0], timezone=job.said[1], next=due.isoformat())  # fmt: skip
        while True:
            await _until(due)
            if _now() - due <= _LATE:
                await self._fire(job, due)
            moment = max(due, _now() - _LATE)
            due = schedule.after(moment)

    async def _beginning(self, function: Function) -> datetime:
        """Now; or shortly before, where a connector knew the function and did not come to it."""
        last = await self._claims.last(function.key)
        now = _now()
        return max(last, now - _LATE) if last and last < now else now

    async def _fire(self, job: Job, due: datetime) -> None:
        function = job.function
        if job.call and not job.call.done():
            metrics.SKIPPED.labels(function.key).inc()
            say("warning", "left out: the call before is still under way", due=due.isoformat(),
                function=function.name, namespace=function.namespace)  # fmt: skip
            return
        if await self._claims.take(function.key, due, set(self._jobs)):
            job.call = asyncio.create_task(self._call(function, due))
            self._ending.add(job.call)
            job.call.add_done_callback(self._ending.discard)

    async def _call(self, function: Function, due: datetime) -> None:
        event = due.strftime("%Y-%m-%dT%H:%MZ")
        outcome = await self._caller.deliver(function, b"", topic=CRON, event=event)
        if not outcome.ok:
            say("error", "given up", function=function.name, namespace=function.namespace,
                event=event, reason=outcome.reason)  # fmt: skip

    async def stop(self) -> None:
        for key in list(self._jobs):
            self._end(key)
        if self._ending:
            await asyncio.wait(self._ending, timeout=self._drain)


def _said(function: Function) -> tuple[str, str]:
    annotations = function.annotations
    return annotations.get("schedule", "").strip(), annotations.get("timezone", "UTC").strip()


def _now() -> datetime:
    return datetime.now(UTC)


async def _until(due: datetime) -> None:
    while (left := (due - _now()).total_seconds()) > 0:
        await asyncio.sleep(min(left, _NAP))
