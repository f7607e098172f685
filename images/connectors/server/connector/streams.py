"""What JetStream keeps: a stream for each subject that must not be lost, a consumer for each
function of it, and a stream of dead letters."""

from __future__ import annotations

import time

from nats.aio.client import Client
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import NotFoundError

from . import subjects
from .functions import Function
from .log import say
from .settings import Settings

LETTERS = "dead-letters"
_DAY = 86_400.0
_MOST = 64 * 1024 * 1024
"""Bytes that a stream may have. One that is full refuses what comes, and the publisher sees it."""


class Streams:
    """Makes streams and consumers, and takes them away when nobody wants them any more."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self._manager = client.jsm()
        self._settings = settings
        self._unwanted: dict[tuple[str, str], float] = {}

    async def letters(self) -> None:
        """The stream of dead letters, kept for a week; the oldest ones make room."""
        await self._manager.add_stream(
            StreamConfig(
                name=LETTERS, subjects=[f"{subjects.DEAD}.>"], storage=StorageType.FILE,
                max_age=7 * _DAY, max_bytes=_MOST, discard=DiscardPolicy.OLD,
            )
        )  # fmt: skip

    async def keep(self, function: Function, subject: str) -> str:
        """Have a function's messages on a subject kept until it has taken them.

        :returns: the subject on which the connectors get them, each one once.
        :raises nats.errors.Error: the server does not answer, or refuses.
        """
        stream, consumer = subjects.stream(subject), subjects.consumer(function.key)
        target = f"{subjects.HANDED_ON}{stream}.{consumer}"
        # A message stays as long as some function has not taken it.
        await self._manager.add_stream(
            StreamConfig(
                name=stream, subjects=[subject], storage=StorageType.FILE, max_bytes=_MOST,
                retention=RetentionPolicy.INTEREST, discard=DiscardPolicy.NEW, max_age=_DAY,
            )
        )  # fmt: skip
        await self._manager.add_consumer(
            stream,
            ConsumerConfig(
                durable_name=consumer, deliver_subject=target, deliver_group=function.key,
                deliver_policy=DeliverPolicy.NEW, ack_policy=AckPolicy.EXPLICIT,
                ack_wait=self._settings.ack_wait, max_deliver=-1,
                # What waited for its turn in a connector would be handed out again meanwhile.
                max_ack_pending=self._settings.concurrency,
            ),
        )  # fmt: skip
        return target

    async def sweep(self, wanted: set[tuple[str, str]]) -> None:
        """Remove consumers that no function has wanted for a while, and streams without any.

        :param wanted: stream and consumer of each function.
        """
        there = await self._there()
        now = time.monotonic()
        self._unwanted = {
            each: self._unwanted.get(each, now) for each in there if each not in wanted
        }
        for each, since in self._unwanted.items():
            if now - since >= self._settings.forget:
                await self._remove(*each)

    async def _there(self) -> set[tuple[str, str]]:
        """Stream and consumer of all that was made here; no consumer where a stream has none."""
        found: set[tuple[str, str]] = set()
        for stream in await self._manager.streams_info():
            name = stream.config.name or ""
            if name.startswith(subjects.STREAMS):
                names = {each.name for each in await self._manager.consumers_info(name)}
                found |= {(name, consumer) for consumer in names or {""}}
        return found

    async def _remove(self, stream: str, consumer: str) -> None:
        say("info", "no longer kept", stream=stream, consumer=consumer)
        try:
            if consumer:
                await self._manager.delete_consumer(stream, consumer)
            if not await self._manager.consumers_info(stream):
                await self._manager.delete_stream(stream)
        except NotFoundError:
            return
