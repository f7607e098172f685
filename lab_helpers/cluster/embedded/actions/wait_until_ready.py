"""The node is ready when a pod can be scheduled, named, reached and given a volume."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Any

import httpx

from .... import _wait
from ...._exceptions import CommandError, tail
from ...._exec import PYTHON
from .. import api, sandbox
from ..node import API_SERVICE_ADDRESS, DNS_ADDRESS, Node
from .apply_addons import kubectl

AWAITED = ("coredns", "traefik", "registry", "hostpath-provisioner")
"""The addons a first workload needs. metrics-server is left to come by itself: its first figures
take it two rounds of asking."""


def wait_until_ready(node: Node, *, timeout: float = 90) -> None:
    for what, probe in _PROBES.items():
        _wait.until(what, partial(probe, node), timeout=timeout, events=partial(events, node))


def is_ready(node: Node) -> str:
    """What keeps the node from being ready right now; empty when nothing does.

    Looks from outside only, which needs no root.
    """
    for what, probe in _OUTSIDE.items():
        try:
            probe(node)
        except _wait.NotYet as state:
            return f"still waiting for {what}: {state.what}"
    return ""


def events(node: Node) -> str:
    """The last warnings of the whole cluster."""
    try:
        listed = kubectl(node, "get", "events", "-A", "--field-selector=type=Warning",
                         "--sort-by=.lastTimestamp")  # fmt: skip
    except CommandError as refused:
        return refused.output
    return "\n".join(listed.splitlines()[-10:])


def _node_ready(node: Node) -> None:
    found = api.items(node, "/api/v1/nodes")
    conditions = found[0]["status"].get("conditions", []) if found else []
    ready = next((c for c in conditions if c["type"] == "Ready"), None)
    if ready is None or ready["status"] != "True":
        raise _wait.NotYet(ready["message"] if ready else "the node has not registered yet")


def _addons_ready(node: Node) -> None:
    """Looks at what each addon's pods say now; their word from before a stop does not count."""
    since = sandbox.started(node)
    pods = api.items(node, "/api/v1/pods")
    back = [p["metadata"]["name"] for p in pods if is_back(p, since)]
    late = [name for name in AWAITED if not any(pod.startswith(f"{name}-") for pod in back)]
    if late:
        raise _wait.NotYet(f"not ready yet: {', '.join(late)}")


def is_back(pod: dict[str, Any], since: float) -> bool:
    """Whether a pod is ready with containers that started after a moment (seconds of the epoch)."""
    status = pod["status"]
    ready = any(
        c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", [])
    )
    started = [
        c["state"].get("running", {}).get("startedAt") for c in status.get("containerStatuses", [])
    ]
    # Kubernetes cuts times to whole seconds.
    return ready and all(
        s is not None and datetime.fromisoformat(s).timestamp() >= int(since) for s in started
    )


def _dns_answers(node: Node) -> None:
    """Asks the cluster's name server from inside, the way a pod does."""
    ask = (
        "import dns.resolver, sys; r = dns.resolver.Resolver(configure=False); "
        "r.nameservers = [sys.argv[1]]; r.lifetime = 1; print(r.resolve(sys.argv[2])[0])"
    )
    name = "kubernetes.default.svc.cluster.local"
    try:
        answer = sandbox.enter(node, [*PYTHON, "-c", ask, DNS_ADDRESS, name], "net")
    except CommandError as refused:
        raise _wait.NotYet(tail(refused.output, 1) or refused.what) from refused
    if answer.strip() != API_SERVICE_ADDRESS:
        raise _wait.NotYet(f"{name} is said to be {answer.strip()}")


def _ingress_answers(node: Node) -> None:
    answer = _get(f"http://127.0.0.1:{node.ingress_port}/")
    if answer.status_code != HTTPStatus.NOT_FOUND:
        raise _wait.NotYet(f"the ingress answered {answer.status_code}")


def _registry_answers(node: Node) -> None:
    answer = _get(f"http://127.0.0.1:{node.registry_port}/v2/")
    if answer.status_code != HTTPStatus.OK:
        raise _wait.NotYet(f"the registry answered {answer.status_code}")


def _get(url: str) -> httpx.Response:
    try:
        return httpx.get(url, timeout=2, trust_env=False)
    except httpx.HTTPError as refused:
        raise _wait.NotYet(f"{url}: {refused}") from refused


_OUTSIDE: dict[str, Callable[[Node], None]] = {
    "the node to be Ready": _node_ready,
    "the addons to be ready": _addons_ready,
    "the ingress to answer": _ingress_answers,
    "the registry to answer": _registry_answers,
}
_PROBES = {**_OUTSIDE, "DNS to answer": _dns_answers}
