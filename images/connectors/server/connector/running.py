"""One connector from its start to its end."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Protocol

from .calling import Caller
from .cron import CronConnector
from .functions import Function
from .gateway import Gateway
from .health import Health
from .log import say
from .messages import NatsConnector
from .reporting import Reporter
from .settings import Settings
from .watching import Watcher


class Connector(Protocol):
    """What makes calls out of something else."""

    name: str

    @property
    def ready(self) -> bool:
        """Whether it can do its work now."""

    async def start(self) -> None: ...

    async def update(self, functions: list[Function]) -> None:
        """These are the functions now."""

    async def stop(self) -> None:
        """Begin nothing more, and wait for what is under way."""


KINDS = {"cron": CronConnector, "nats": NatsConnector}


def run(arguments: list[str]) -> None:
    """Run the connector of that kind until SIGTERM, then end with exit code 0."""
    if len(arguments) != 1 or arguments[0] not in KINDS:
        sys.exit(f"which connector? {' or '.join(KINDS)}")
    asyncio.run(_serve(arguments[0]))


async def _serve(kind: str) -> None:
    settings = Settings.read()
    gateway = Gateway(settings)
    name = f"{kind}-connector"
    connector: Connector = KINDS[kind](settings, Caller(name, gateway, settings), Reporter(name))
    watcher = Watcher(gateway, settings.rebuild, connector.update)
    stopping = asyncio.Event()
    health = Health(
        settings.port, lambda: watcher.ready and connector.ready and not stopping.is_set()
    )
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stopping.set)
    say("info", f"Serving on http://0.0.0.0:{health.port}", connector=name)
    await _until(stopping, connector, watcher, health)
    say("info", "Draining: calls under way are waited for", connector=name)
    await connector.stop()
    await gateway.close()
    health.close()


async def _until(
    stopping: asyncio.Event, connector: Connector, watcher: Watcher, health: Health
) -> None:
    """Work until it is told to end, or until something fails that nobody has thought of."""
    works = [asyncio.create_task(health.beat()), asyncio.create_task(_work(connector, watcher))]
    told = asyncio.create_task(stopping.wait())
    done, _ = await asyncio.wait([*works, told], return_when=asyncio.FIRST_COMPLETED)
    for each in (*works, told):
        each.cancel()
    await asyncio.gather(*works, told, return_exceptions=True)
    for each in done - {told}:
        each.result()


async def _work(connector: Connector, watcher: Watcher) -> None:
    await connector.start()
    await watcher.run()
