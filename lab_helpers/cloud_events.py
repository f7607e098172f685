"""CloudEvents, sent from a notebook."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Self

import httpx
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.http import to_binary_event
from cloudevents.core.v1.event import CloudEvent

from . import _wait

if TYPE_CHECKING:
    from ._lab import Lab
    from .displays import Display

TRIED_AGAIN = frozenset({404, 408, 409, 429})
"""Answers after which Knative sends an event again, besides those from 500 on."""


def send(
    lab: Lab, address: str, event: BaseCloudEvent, *, timeout: float = 20,
    on_refusal: Callable[[str], object] = lambda _: None,
) -> httpx.Response:  # fmt: skip
    """Send an event as Knative's own sources do: again, while nobody accepts it.

    It is the same event each time, so that who gets it twice can tell by its ``source`` and ``id``.

    :param address: of a broker, a channel or a program.
    :param timeout: seconds for which it is tried again.
    :param on_refusal: told why the event is sent once more, each time.
    :returns: the first answer that is final. 202: it was accepted; 400: it is no event.
    :raises WaitTimeout: there was none.
    """
    message = to_binary_event(event)

    def attempt() -> httpx.Response:
        try:
            # A channel in memory may answer only when the event is delivered.
            answer = lab.http.post(
                address, headers=message.headers, content=message.body, timeout=timeout
            )
        except httpx.HTTPError as away:
            on_refusal(f"{type(away).__name__}: {away}")
            raise _wait.NotYet(f"{type(away).__name__}: {away}") from away
        if answer.is_server_error or answer.status_code in TRIED_AGAIN:
            on_refusal(f"{answer.status_code}")
            raise _wait.NotYet(f"it answers {answer.status_code} {answer.text[:80]}".rstrip())
        return answer

    return _wait.until(f"{address} to accept an event", attempt, timeout=timeout, interval=0.2)


def wait_for_routes(lab: Lab, namespace: str, *, timeout: float = 60) -> None:
    """Wait until events take every way that triggers and subscriptions of a namespace say.

    A subscription is called ready as soon as the channel's dispatcher has read of it. But that
    takes it up only when the channel's controller has read of it, too, and drops the events that
    come before. So the channels are asked last. (Seen in Knative Eventing 1.20: the ``Reconciler``
    in ``pkg/reconciler/inmemorychannel/dispatcher``.)

    :param timeout: seconds for each of them.
    :raises WaitTimeout: with the conditions of what is not ready.
    """
    for kind in ("triggers", "subscriptions", "inmemorychannels"):
        for name in lab.kubectl("get", kind, "-n", namespace, "-o", "name").split():
            lab.wait(name, "Ready", namespace=namespace, timeout=timeout)


class Sending:
    """Sends events side by side while a block runs, each as :func:`send` does; waits at its end.

    >>> with Sending(lab, broker, events) as sending:      # doctest: +SKIP
    ...     lab.kubectl("delete", "pod", …)
    >>> sending.statuses                                   # doctest: +SKIP

    :ivar statuses: how often each final answer came.
    :ivar seconds: how long each sender had to wait for it.
    :ivar refusals: why events had to be sent once more.
    """

    def __init__(
        self, lab: Lab, address: str, events: Sequence[BaseCloudEvent], *, timeout: float = 60
    ) -> None:
        self.statuses: Counter[int] = Counter()
        self.seconds: list[float] = []
        self.refusals: list[str] = []
        self._events = events
        self._send = partial(send, lab, address, timeout=timeout, on_refusal=self.refusals.append)

    def __enter__(self) -> Self:
        self._pool = ThreadPoolExecutor(max(len(self._events), 1))
        self._sent = [self._pool.submit(self._timed, each) for each in self._events]
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._pool.shutdown(cancel_futures=kind is not None)
        if kind is None:
            for sent in self._sent:
                status, seconds = sent.result()
                self.statuses[status] += 1
                self.seconds.append(seconds)

    def _timed(self, event: BaseCloudEvent) -> tuple[int, float]:
        began = time.monotonic()
        return self._send(event).status_code, time.monotonic() - began


def journeys(
    lab: Lab, address: str, display: Display, count: int, **attributes: str
) -> list[float]:
    """How long events took that were sent one after the other, in milliseconds.

    From before an event is sent until the display has it, by the clock of the machine: the node's,
    where the cluster is not on this one.

    :param attributes: what the events say of themselves, ``type`` and ``source`` at least.
    """
    sent: dict[str, float] = {}
    for _ in range(count):
        event = CloudEvent({**attributes})
        sent[event.get_id()] = time.time()
        send(lab, address, event)
        display.wait_for(event.get_id())
    came = {each.id: each.arrivals[0].timestamp() for each in display.events() if each.arrivals}
    return [1000 * (came[name] - began) for name, began in sent.items()]
