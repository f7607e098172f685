"""What one function gets of NATS: some messages at a time, each one answered for."""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import suppress

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from . import subjects
from .calling import Caller
from .functions import Function
from .gateway import Outcome
from .log import say
from .settings import Settings
from .streams import Streams

_DELIVERIES = 10
"""Times that NATS hands out a message whose connector has died each time."""
_BYTES = 16 * 1024 * 1024
"""Bytes of a subject's messages that wait in memory."""
_LOOK = 30.0
"""Seconds after which it is made sure that the server still has what it was told to keep."""


class Feed:
    """Subscriptions of one function, shared by all connectors that there are.

    :ivar terms: what its annotations ask for.
    :ivar kept: stream and consumer of each subject that is kept.
    """

    def __init__(
        self, function: Function, client: Client, caller: Caller, settings: Settings
    ) -> None:
        self.function = function
        self.terms = self.said(function)
        self.kept: set[tuple[str, str]] = set()
        self._client = client
        self._caller = caller
        self._beat = settings.ack_wait / 3
        self._room = asyncio.Semaphore(settings.concurrency)
        self._subscriptions: list[Subscription] = []
        self._calls: dict[asyncio.Task[None], Msg] = {}
        self._looked = -float("inf")

    @staticmethod
    def said(function: Function) -> tuple[object, ...]:
        return function.subjects, function.durable

    async def open(self, streams: Streams) -> None:
        """Subscribe; and now and then see that all is still there.

        :raises nats.errors.Error: the server does not answer, or refuses.
        """
        if time.monotonic() - self._looked < _LOOK:
            return
        targets = []
        for subject in self.function.subjects:
            if self.function.durable:
                targets.append(await streams.keep(self.function, subject))
                names = subjects.stream(subject), subjects.consumer(self.function.key)
                self.kept.add(names)
            else:
                targets.append(subject)
        if not self._subscriptions:
            await self._subscribe(targets)
        self._looked = time.monotonic()

    async def _subscribe(self, targets: list[str]) -> None:
        for target in targets:
            subscription = await self._client.subscribe(
                target, queue=self.function.key, cb=self._take, pending_bytes_limit=_BYTES
            )
            self._subscriptions.append(subscription)
        # nats-py's first question may overtake what it is to follow; the second one does not.
        for _ in range(2):
            await self._client.flush(5)
        say("info", "subscribed", function=self.function.name, namespace=self.function.namespace,
            topic=",".join(self.function.subjects), durable=self.function.durable)  # fmt: skip

    async def _take(self, message: Msg) -> None:
        """Begin a call as soon as there is room for one."""
        await self._room.acquire()
        call = asyncio.create_task(self._hand_on(message))
        self._calls[call] = message
        call.add_done_callback(self._done)

    def _done(self, call: asyncio.Task[None]) -> None:
        self._room.release()
        self._calls.pop(call, None)
        if not call.cancelled() and (failed := call.exception()):
            say("error", "a message was not dealt with", function=self.function.name,
                reason=f"{type(failed).__name__}: {failed}")  # fmt: skip

    async def _hand_on(self, message: Msg) -> None:
        if not self.function.durable:
            await self._settle(message, secrets.token_hex(8), deliveries=1)
            return
        told = message.metadata
        alive = asyncio.create_task(self._keep_alive(message))
        try:
            event = f"{told.stream}-{told.sequence.stream}"
            await self._settle(message, event, deliveries=told.num_delivered)
            await message.ack()
        finally:
            alive.cancel()

    async def _keep_alive(self, message: Msg) -> None:
        """Tell NATS that the message is being dealt with, or another connector would get it."""
        while True:
            await asyncio.sleep(self._beat)
            with suppress(NatsError):
                await message.in_progress()

    async def _settle(self, message: Msg, event: str, *, deliveries: int) -> None:
        """Call the function for a message, or else put it where somebody finds it."""
        if deliveries > _DELIVERIES:
            outcome = Outcome(0, f"handed out {deliveries} times, and never answered for")
        else:
            outcome = await self._caller.deliver(
                self.function, message.data, topic=message.subject, event=event
            )
        if not outcome.ok:
            await self._bury(message, event, outcome)

    async def _bury(self, message: Msg, event: str, outcome: Outcome) -> None:
        """Publish it as a dead letter; one that must not be lost is not let go before."""
        target = f"{subjects.DEAD}.{self.function.namespace}.{self.function.name}"
        headers = {
            "X-Topic": message.subject,
            "X-Event-Id": event,
            "X-Status": str(outcome.status),
            "X-Reason": outcome.reason.encode("ascii", "replace").decode()[:500],
        }
        said = {"function": self.function.name, "namespace": self.function.namespace,
                "event": event, "reason": outcome.reason}  # fmt: skip
        try:
            await self._client.jetstream().publish(target, message.data, 5, headers=headers)
        except (NatsError, TimeoutError) as failed:
            say("error", "given up, and not even kept", **said, failed=type(failed).__name__)
            if self.function.durable:
                raise
            return
        say("error", "given up", **said, dead_letter=target)

    async def close(self, *, gone: bool = False) -> None:
        """Take nothing more, and wait for the calls of what was taken.

        :param gone: whether there is no function any more, so that there is nothing to wait for.
        """
        subscriptions, self._subscriptions = self._subscriptions, []
        for each in subscriptions:
            with suppress(NatsError, TimeoutError):
                await (each.unsubscribe() if gone else each.drain())
        while self._calls and not gone:
            await asyncio.wait(self._calls)
        if gone:
            await self.abandon()

    async def abandon(self) -> None:
        """Give up the calls under way; what must not be lost goes to another connector at once."""
        calls = dict(self._calls)
        for call in calls:
            call.cancel()
        for message in calls.values():
            if self.function.durable:
                with suppress(NatsError):
                    await message.nak()
        if calls:
            say("warning", "calls were cut off", function=self.function.name, count=len(calls))
