"""Calls functions for messages on NATS: `topic: NAME[,NAME]`; kept ones with `durable: "true"`."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import nats
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.errors import SlowConsumerError
from nats.js.errors import BadRequestError, ServerError

from . import metrics, subjects
from .calling import Caller
from .feed import Feed
from .functions import Function
from .log import say
from .reporting import Reporter
from .settings import Settings
from .streams import Streams


class NatsConnector:
    """Has a feed for each function."""

    name = "nats-connector"

    def __init__(self, settings: Settings, caller: Caller, reporter: Reporter) -> None:
        self._settings = settings
        self._caller = caller
        self._reporter = reporter
        self._client = Client()
        self._streams: Streams | None = None
        self._feeds: dict[str, Feed] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._missing = False

    @property
    def ready(self) -> bool:
        return self._client.is_connected and self._streams is not None

    async def start(self) -> None:
        """Connect, however long that takes; from then on it connects again by itself."""
        while not self._client.is_connected:
            try:
                self._client = await self._connect()
            except (NatsError, OSError, TimeoutError) as refused:
                why = f"{type(refused).__name__}: {refused}"
                say("warning", "NATS lets nobody in", reason=why)
                await asyncio.sleep(1)
        self._missing = False
        say("info", "connected to NATS", server=self._settings.nats)

    async def _connect(self) -> Client:
        return await nats.connect(
            self._settings.nats, user=self._settings.nats_user,
            password=self._settings.nats_password, name=self.name,
            connect_timeout=3, allow_reconnect=True, max_reconnect_attempts=-1,
            reconnect_time_wait=0.5, ping_interval=5, max_outstanding_pings=2,
            error_cb=self._failed, disconnected_cb=self._away, reconnected_cb=self._back,
        )  # fmt: skip

    async def _failed(self, failed: Exception) -> None:
        if isinstance(failed, SlowConsumerError):
            # More has come than is kept in memory, and the newest message is dropped.
            metrics.LOST.labels(failed.sub.queue).inc()
        elif not isinstance(failed, OSError):
            say("warning", "NATS", reason=f"{type(failed).__name__}: {failed}")
        elif not self._missing:
            # It is tried twice a second, and said once.
            self._missing = True
            say("warning", "NATS does not answer", reason=str(failed))

    async def _away(self) -> None:
        say("warning", "NATS is away")

    async def _back(self) -> None:
        self._missing = False
        say("info", "NATS is back")

    async def update(self, functions: list[Function]) -> None:
        wanted = await self._wanted(functions)
        for key, feed in list(self._feeds.items()):
            if key not in wanted or Feed.said(wanted[key]) != feed.terms:
                del self._feeds[key]
                self._close(feed, gone=key not in wanted)
        if not self._client.is_connected:
            return
        try:
            await self._catch_up(wanted)
        except (NatsError, TimeoutError) as failed:
            say("warning", "NATS refuses", reason=f"{type(failed).__name__}: {failed}")
        metrics.FUNCTIONS.set(len(self._feeds))
        metrics.REFUSED.set(self._reporter.count)

    async def _wanted(self, functions: list[Function]) -> dict[str, Function]:
        """The functions that have subjects, all of which can be had."""
        asking = {each.key: each for each in functions if each.subjects}
        for key in set(self._reporter.known()) - set(asking):
            self._reporter.right(key)
        for key, function in list(asking.items()):
            if said := "; ".join(filter(None, map(subjects.wrong, function.subjects))):
                await self._reporter.wrong(function, "WrongTopic", f"it gets no messages: {said}")
                del asking[key]
        return asking

    async def _catch_up(self, wanted: dict[str, Function]) -> None:
        if self._streams is None:
            streams = Streams(self._client, self._settings)
            await streams.letters()
            self._streams = streams
        for function in wanted.values():
            await self._open(function, self._streams)
        await self._streams.sweep({pair for feed in self._feeds.values() for pair in feed.kept})

    async def _open(self, function: Function, streams: Streams) -> None:
        """Have a feed for a function, and see that the one that it has still works."""
        feed = self._feeds.get(function.key) or Feed(
            function, self._client, self._caller, self._settings
        )
        try:
            await feed.open(streams)
        except (BadRequestError, ServerError) as refused:
            why = f"it gets no messages: NATS refuses: {refused.description}"
            await self._reporter.wrong(function, "WrongTopic", why)
            self._feeds.pop(function.key, None)
            self._close(feed, gone=True)
        else:
            self._feeds[function.key] = feed
            self._reporter.right(function.key)

    def _close(self, feed: Feed, *, gone: bool) -> None:
        """Close a feed, which may take as long as its calls, while others go on."""
        task = asyncio.create_task(feed.close(gone=gone))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def stop(self) -> None:
        """Take nothing more; what was taken is handed on, as far as there is time."""
        feeds, self._feeds = list(self._feeds.values()), {}
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.drain):
                await asyncio.gather(*(each.close() for each in feeds), *self._closing)
        for each in feeds:
            await each.abandon()
        with suppress(NatsError, TimeoutError):
            await self._client.flush(2)
        await self._client.close()
