"""What the environment and the mounted Secrets say, read once.

Where OpenFaaS's own connectors have a variable for something, it has the same name here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
_UNITS = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Settings:
    """Settings of one connector.

    :ivar gateway: the gateway's address; `gateway_user` asks it for the functions.
    :ivar rebuild: seconds between two looks at which functions there are.
    :ivar timeout: seconds that one call may take.
    :ivar attempts: calls for one event, the first one included.
    :ivar backoff: seconds before the second call; twice as many before each further one.
    :ivar concurrency: calls of one function at a time.
    :ivar drain: seconds that calls under way get after SIGTERM.
    :ivar ack_wait: seconds without a sign of life after which NATS gives a message to another.
    :ivar forget: seconds after which a function that is gone gives up its messages.
    :ivar port: of health and metrics.
    """

    gateway: str
    gateway_user: str
    gateway_password: str
    nats: str
    nats_user: str
    nats_password: str
    rebuild: float
    timeout: float
    attempts: int
    backoff: float
    concurrency: int
    drain: float
    ack_wait: float
    forget: float
    port: int

    @classmethod
    def read(cls) -> Settings:
        """From the environment.

        :raises ValueError: a variable holds something that cannot be used.
        """
        user, password = _credentials("GATEWAY_CREDENTIALS", "/var/secrets/gateway", "basic-auth-")
        nats_user, nats_password = _credentials("NATS_CREDENTIALS", "/var/secrets/nats", "")
        return cls(
            gateway=_read("gateway_url", "http://gateway.openfaas:8080", str).rstrip("/"),
            gateway_user=user,
            gateway_password=password,
            nats=f"nats://{_read('broker_host', 'nats.nats:4222', str)}",
            nats_user=nats_user,
            nats_password=nats_password,
            rebuild=_read("rebuild_interval", "3s", duration),
            timeout=_read("upstream_timeout", "30s", duration),
            attempts=_read("attempts", "4", int),
            backoff=_read("backoff", "500ms", duration),
            concurrency=_read("concurrency", "16", int),
            drain=_read("drain", "20s", duration),
            ack_wait=_read("ack_wait", "10s", duration),
            forget=_read("forget", "5s", duration),
            port=_read("port", "8080", int),
        )


def duration(text: str) -> float:
    """Seconds of one number and its unit, as in ``250ms`` or ``3s``."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h)", text)
    if found is None:
        raise ValueError(f"{text!r} is no duration, as 250ms or 3s are")
    return float(found[1]) * _UNITS[found[2]]


def _read(name: str, usual: str, kind: Callable[[str], T]) -> T:
    try:
        return kind(os.environ.get(name, usual))
    except ValueError as wrong:
        raise ValueError(f"{name}: {wrong}") from wrong


def _credentials(variable: str, usual: str, prefix: str) -> tuple[str, str]:
    """User and password of a mounted Secret; nothing where none is mounted."""
    folder = Path(os.environ.get(variable, usual))
    if not folder.is_dir():
        return "", ""
    user, password = ((folder / f"{prefix}{key}").read_text().strip() for key in _keys(prefix))
    return user, password


def _keys(prefix: str) -> tuple[str, str]:
    return ("user", "password") if prefix else ("username", "password")
