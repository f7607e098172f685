"""Waiting for workloads, and giving up where waiting will not help."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from .. import _wait
from .._exceptions import LabError
from .._kubectl import kubectl
from .._reader import Object, reader
from ..cluster import Connection
from ._declaration import State

KINDS = ("Deployment", "StatefulSet", "DaemonSet")
PULL_FAILS_AFTER = 20.0
"""Seconds of back-off until a pull that fails counts as failed: the first try may be bad luck."""
_FAILED_PULL = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")


def wait_until_ready(
    connection: Connection,
    wanted: Iterable[Object],
    *,
    timeout: float,
    on_state: Callable[[str], None] = lambda _: None,
) -> None:
    """Wait until every workload among some objects runs as its specification says.

    :param wanted: objects; those that are no workloads do not matter.
    :param on_state: told what is still missing.
    :raises LabError: an image cannot be pulled.
    :raises WaitTimeout: with what was missing, and the namespaces' warnings.
    """
    workloads = {_key(each) for each in wanted if each["kind"] in KINDS}
    spaces = sorted({namespace for _, namespace, _ in workloads})
    failing_since: dict[str, float] = {}

    def probe() -> None:
        found = {_key(each): each for space in spaces for each in _listed(connection, space)}
        late = [name for name in sorted(workloads) if not _is_ready(found.get(name))]
        if not late:
            return
        _refuse_failed_pulls(found.values(), failing_since)
        on_state(f"waiting for {late[0][2]}" + (f" and {len(late) - 1} more" if late[1:] else ""))
        raise _wait.NotYet(f"not ready: {', '.join('/'.join(name) for name in late)}")

    def warnings() -> str:
        return "\n".join(_warnings(connection, space) for space in spaces)

    _wait.until("the component's workloads to be ready", probe, timeout=timeout, interval=0.3,
                events=warnings)  # fmt: skip


def wait_for_state(
    connection: Connection, wanted: State, *, on_state: Callable[[str], None] = lambda _: None
) -> None:
    """Wait until a custom resource says that the system behind it is ready.

    :param on_state: told what it says until then.
    :raises LabError: an image cannot be pulled for the pods that its operator made.
    :raises WaitTimeout: with what it said last, and the namespace's warnings.
    """
    failing_since: dict[str, float] = {}

    def probe() -> None:
        kind, _, name = wanted.resource.partition("/")
        found = reader(connection).get(kind, name, namespace=wanted.namespace)
        status = found.get("status", {})
        if status.get(wanted.field) == wanted.value:
            return
        _refuse_failed_pulls(_listed(connection, wanted.namespace), failing_since)
        said = f"{wanted.field} is {status.get(wanted.field)!r}"
        on_state(f"waiting for {wanted.resource}, whose {said}")
        raise _wait.NotYet(" ".join(filter(None, [said, str(status.get("message", ""))])))

    _wait.until(f"{wanted.resource} to be {wanted.value}", probe, timeout=wanted.within,
                events=lambda: _warnings(connection, wanted.namespace))  # fmt: skip


def _key(each: Object) -> tuple[str, str, str]:
    return each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]


def _listed(connection: Connection, namespace: str) -> list[Object]:
    kinds = "deployments,statefulsets,daemonsets,pods"
    items: list[Object] = reader(connection).get(kinds, namespace=namespace)["items"]
    return items


def _is_ready(workload: Object | None) -> bool:
    """Whether the controller has seen the specification and all pods are of it, and available."""
    if workload is None:
        return False
    status = workload.get("status", {})
    if status.get("observedGeneration", 0) < workload["metadata"]["generation"]:
        return False
    if workload["kind"] == "DaemonSet":
        wanted = status.get("desiredNumberScheduled", 0)
        return bool(
            wanted == status.get("updatedNumberScheduled", 0) == status.get("numberAvailable", 0)
        )
    wanted = workload["spec"].get("replicas", 1)
    return bool(
        wanted == status.get("updatedReplicas", 0) == status.get("availableReplicas", 0)
        and wanted == status.get("replicas", 0)
    )


def _refuse_failed_pulls(found: Iterable[Object], failing_since: dict[str, float]) -> None:
    now = time.monotonic()
    for pod, image, message in _failed_pulls(found):
        if now - failing_since.setdefault(pod, now) > PULL_FAILS_AFTER:
            raise LabError(
                f"the image {image} of pod {pod} cannot be pulled",
                seen=message,
                remedy="check that the cluster reaches that registry, then run it again; "
                "what is there already is kept",
            )


def _failed_pulls(found: Iterable[Object]) -> Iterator[tuple[str, str, str]]:
    for pod in (each for each in found if each["kind"] == "Pod"):
        status = pod["status"]
        begun = (*status.get("initContainerStatuses", []), *status.get("containerStatuses", []))
        for container in begun:
            waiting = container["state"].get("waiting", {})
            if waiting.get("reason") in _FAILED_PULL:
                yield pod["metadata"]["name"], container["image"], waiting.get("message", "")


def _warnings(connection: Connection, namespace: str) -> str:
    listed = kubectl(connection.kubectl, connection.kubeconfig, "get", "events", "--namespace",
                     namespace, "--field-selector=type=Warning", "--sort-by=.lastTimestamp",
                     "--no-headers")  # fmt: skip
    return "\n".join(listed.splitlines()[-5:])
