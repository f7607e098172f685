"""A message on NATS until a function has it, by nats-connector: forgotten, and kept by JetStream.

The floor is the same function called through the gateway.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import nats
from nats.aio.client import Client

from lab_helpers import Lab, _progress, components
from lab_helpers.functions import find

from ._received import Received, deployed

COMPONENT, FUNCTION = "nats-connector", "nats-receiver"
ROUNDS = 60
MANY = 2000
"""Messages at once for the throughput."""

Figures = dict[str, float]


def artifacts() -> list[Any]:
    """What has to be built before anything is measured."""
    names = (COMPONENT, *components.declaration(COMPONENT).needs)
    needed = [part for name in names for part in components.artifacts(components.declaration(name))]
    return [*needed, *find(FUNCTION).artifacts]


def measure(lab: Lab) -> dict[str, Figures]:
    """Measure.

    Shape: ``{"figures": {"nats_event_ms", "nats_events_per_s", "jetstream_event_ms", …},
    "ratios": {"nats_event_to_call", …}}``.
    """
    lab.enable(COMPONENT)
    faas = lab.openfaas()
    figures: Figures = {}
    for way, durable in (("nats", "false"), ("jetstream", "true")):
        subject = f"bench-{way}"
        with deployed(lab, FUNCTION, topic=subject, durable=durable) as received:
            wait_until_subscribed(lab, subject)
            with _progress.step(f"send {ROUNDS} messages by {way}, then {MANY} at once"):
                measured = _with_client(lab, subject, received)
            figures[f"{way}_event_ms"], figures[f"{way}_events_per_s"] = measured
            if way == "nats":
                call = lambda _: faas.invoke(FUNCTION, "x", quiet=True)  # noqa: E731
                figures["gateway_call_ms"] = received.took(call, ROUNDS)
    floor = figures["gateway_call_ms"]
    ratios = {
        f"{way}_event_to_call": figures[f"{way}_event_ms"] / floor for way in ("nats", "jetstream")
    }
    return {"figures": figures, "ratios": ratios}


def wait_until_subscribed(lab: Lab, subject: str) -> None:
    """Wait until the connector listens on a subject."""

    def known() -> bool:
        return f'"topic": "{subject}"' in lab.kubectl(
            "logs", "deploy/nats-connector", "-n", "openfaas"
        )

    lab.wait_until(f"the connector to know {subject}", known, timeout=30)


def _with_client(lab: Lab, subject: str, received: Received) -> tuple[float, float]:
    """Median milliseconds of one message, and messages a second of many."""
    user = lab.secret("nats-admin", namespace="nats")
    with lab.port_forward("service/nats", 4222, namespace="nats") as way:
        address = f"nats://{way.host}:{way.port}"

        async def connected(work: Callable[[Client], Awaitable[float]]) -> float:
            client = await nats.connect(address, user=user["username"], password=user["password"])
            try:
                return await work(client)
            finally:
                await client.close()

        async def one_by_one(client: Client) -> float:
            loop = asyncio.get_running_loop()

            async def publish(number: int) -> None:
                await client.publish(subject, str(number).encode())
                await client.flush()

            def send(number: int) -> None:
                asyncio.run_coroutine_threadsafe(publish(number), loop).result()

            return await asyncio.to_thread(received.took, send, ROUNDS)

        async def at_once(client: Client) -> float:
            before = received.look()["count"]
            began = time.time()
            for number in range(MANY):
                await client.publish(subject, str(number).encode())
            await client.flush()
            found = await asyncio.to_thread(received.wait_for, before + MANY)
            return MANY / (found["last"][-1]["at"] - began)

        return asyncio.run(connected(one_by_one)), asyncio.run(connected(at_once))
