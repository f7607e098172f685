"""What is enabled, kept on the cluster itself: any machine that reaches it finds it there."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from .. import _yaml
from .._config import settings
from .._exceptions import CommandError
from .._files import locked
from .._kubectl import kubectl
from ..cluster import Connection

NAMESPACE = "lab-course"
"""Holds what the course remembers; clean-up leaves it alone."""
CONFIG_MAP = "components"


@dataclass(frozen=True)
class Entry:
    """One component's state.

    :ivar state: ``enabling``, ``enabled`` or ``disabling``.
    :ivar digest: of what was applied.
    :ivar images: the references that were put on the cluster for it.
    :ivar at: when, UTC.
    """

    state: str
    version: str
    digest: str = ""
    images: tuple[str, ...] = ()
    at: str = ""


def changing(name: str) -> AbstractContextManager[None]:
    """One change of a component of a cluster at a time, as far as this machine makes it."""
    path = settings().cache / "components" / f".{settings().name}.{name}.lock"
    return locked(path, f"component {name}", timeout=600)


def enabled(connection: Connection) -> dict[str, Entry]:
    """The components on a cluster, those half-way included."""
    try:
        found = kubectl(connection.kubectl, connection.kubeconfig, "get", "configmap", CONFIG_MAP,
                        "--namespace", NAMESPACE, "--ignore-not-found", "-o", "json",
                        timeout=20)  # fmt: skip
    except CommandError as refused:
        if "NotFound" in refused.output:
            return {}
        raise
    data = json.loads(found).get("data") or {} if found.strip() else {}
    return {name: _entry(json.loads(said)) for name, said in sorted(data.items())}


def _entry(said: dict[str, Any]) -> Entry:
    return Entry(**{**said, "images": tuple(said["images"])})


def write(connection: Connection, name: str, entry: Entry | None) -> None:
    """Record a component's state; None takes its record away.

    Each component's key has a field manager of its own, so that nobody's record is lost to
    another's.
    """
    data = {}
    if entry is not None:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        data = {name: json.dumps({**asdict(entry), "at": now})}
    metadata = {"labels": {"app.kubernetes.io/part-of": NAMESPACE}}
    wanted = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, **metadata}},
        {"apiVersion": "v1", "kind": "ConfigMap", "data": data,
         "metadata": {"name": CONFIG_MAP, "namespace": NAMESPACE, **metadata}},
    ]  # fmt: skip
    kubectl(connection.kubectl, connection.kubeconfig, "apply", "--server-side",
            "--force-conflicts", f"--field-manager=component-{name}", "-f", "-",
            stdin=_yaml.dump_all(wanted))  # fmt: skip
