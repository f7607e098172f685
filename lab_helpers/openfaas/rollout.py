"""Waiting until what was deployed serves, and saying why where it does not come to that."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from .. import _wait
from .._exceptions import CommandError, LabError, tail

if TYPE_CHECKING:
    from .._lab import Lab

Object = dict[str, Any]

KINDS = "deployments,replicasets,pods,endpointslices"
LABEL = "faas_function"
"""The label of all objects of a function; its value is the function's name."""
PATIENCE = 20.0
"""Seconds until what may be bad luck, such as a registry that does not answer, is a failure."""
_REVISION = "deployment.kubernetes.io/revision"
_NO_SUCH_IMAGE = ("not found", "manifest unknown", "invalid reference format")
_CANNOT_BE_MADE = (
    "CreateContainerConfigError", "CreateContainerError", "RunContainerError", "InvalidImageName",
)  # fmt: skip


def wait(lab: Lab, name: str, namespace: str, *, timeout: float) -> None:
    """Wait until every pod of a function's newest revision serves, and no other one is asked.

    :param timeout: seconds.
    :raises LabError: it will not come to that; says why.
    :raises WaitTimeout: it has not yet, and nothing says why.
    """
    failing_since: dict[str, float] = {}

    def probe() -> None:
        state = State.look(lab, name, namespace)
        missing = state.missing()
        if not missing:
            return
        for why in troubles(lab, state):
            since = failing_since.setdefault(why.what, time.monotonic())
            if why.final or time.monotonic() - since > PATIENCE:
                raise LabError(
                    f"{name} is deployed, but {why.what}", seen=why.seen, remedy=why.remedy
                )
        raise _wait.NotYet(missing)

    _wait.until(
        f"{name} to serve in {namespace}", probe, timeout=timeout, interval=0.25,
        events=lambda: lab.events(namespace),
    )  # fmt: skip


def wait_until_gone(lab: Lab, name: str, namespace: str, *, timeout: float) -> None:
    """Wait until nothing of a function is left, pods that end included."""

    def probe() -> None:
        left = [
            f"{each['kind'].lower()}/{each['metadata']['name']}"
            for each in _listed(lab, name, namespace)
        ]
        if left:
            raise _wait.NotYet(f"there is still {', '.join(left)}")

    _wait.until(f"{name} to be gone from {namespace}", probe, timeout=timeout, interval=0.2)


def _listed(lab: Lab, name: str, namespace: str) -> list[Object]:
    found: list[Object] = lab.get(KINDS, namespace=namespace, selector=f"{LABEL}={name}")["items"]
    return found


class State:
    """What the cluster has of a function at one moment."""

    def __init__(self, name: str, namespace: str, found: Iterable[Object]) -> None:
        self.name = name
        self.namespace = namespace
        kinds: dict[str, list[Object]] = {}
        for each in found:
            kinds.setdefault(each["kind"], []).append(each)
        self.deployment = next(iter(kinds.get("Deployment", [])), None)
        self._replica_sets = kinds.get("ReplicaSet", [])
        self._pods = kinds.get("Pod", [])
        self._slices = kinds.get("EndpointSlice", [])

    @classmethod
    def look(cls, lab: Lab, name: str, namespace: str) -> State:
        return cls(name, namespace, _listed(lab, name, namespace))

    @property
    def pods(self) -> list[Object]:
        """The pods of the newest revision that are not on their way out."""
        owners = {each["metadata"]["uid"] for each in self._replica_sets if self._is_newest(each)}
        return [
            pod
            for pod in self._pods
            if "deletionTimestamp" not in pod["metadata"]
            and owners & {owner["uid"] for owner in pod["metadata"].get("ownerReferences", [])}
        ]

    def _is_newest(self, replica_set: Object) -> bool:
        return self.deployment is not None and _revision(replica_set) == _revision(self.deployment)

    def missing(self) -> str:
        """What there is still to wait for; nothing where the newest revision serves."""
        if self.deployment is None:
            return "there is no Deployment of it"
        status = self.deployment.get("status", {})
        if status.get("observedGeneration", 0) < self.deployment["metadata"]["generation"]:
            return "the controller has not seen the change yet"
        wanted = self.deployment["spec"].get("replicas", 1)
        counts = {key: status.get(key, 0) for key in ("updatedReplicas", "availableReplicas")}
        if any(count != wanted for count in (*counts.values(), status.get("replicas", 0))):
            told = ", ".join(f"{count} {key[:-8]}" for key, count in counts.items())
            return f"of {wanted} wanted pods {told}; {status.get('replicas', 0)} in all"
        serving, newest = self._serving(), {pod["metadata"]["name"] for pod in self.pods}
        if serving != newest or len(serving) != wanted:
            return f"calls go to {', '.join(sorted(serving)) or 'nobody'}"
        return ""

    def _serving(self) -> set[str]:
        """The pods that a call may reach."""
        return {
            endpoint["targetRef"]["name"]
            for each in self._slices
            for endpoint in each.get("endpoints") or []
            if endpoint.get("conditions", {}).get("ready") and "targetRef" in endpoint
        }


def _revision(each: Object) -> str:
    return str(each["metadata"].get("annotations", {}).get(_REVISION, ""))


class Trouble:
    """Why a function does not start.

    :ivar what: in words that follow `is deployed, but`.
    :ivar final: whether waiting cannot help.
    """

    def __init__(self, what: str, seen: str, *, remedy: str = "", final: bool = True) -> None:
        self.what = what
        self.seen = seen
        self.remedy = remedy
        self.final = final


def troubles(lab: Lab, state: State) -> Iterator[Trouble]:
    """What keeps a function from starting, as far as the cluster says so."""
    for condition in (state.deployment or {}).get("status", {}).get("conditions", []):
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            yield Trouble("the cluster refuses its pods", condition.get("message", ""))
    for pod in state.pods:
        for condition in pod["status"].get("conditions", []):
            if condition.get("reason") == "Unschedulable":
                yield Trouble("no node has room for it", condition.get("message", ""),
                              remedy="ask for less in requests, or remove other functions",
                              final=False)  # fmt: skip
        for container in pod["status"].get("containerStatuses", []):
            yield from _of_container(lab, state, pod["metadata"]["name"], container)


def _of_container(lab: Lab, state: State, pod: str, container: Object) -> Iterator[Trouble]:
    waiting = container["state"].get("waiting", {})
    reason, message = waiting.get("reason", ""), waiting.get("message", "")
    if reason in ("ErrImagePull", "ImagePullBackOff"):
        unknown = any(word in message for word in _NO_SUCH_IMAGE)
        yield Trouble(
            f"its image {container['image']} cannot be pulled", message, final=unknown,
            remedy=f"faas.push({state.name!r}), then deploy it again" if unknown else "",
        )  # fmt: skip
    elif reason in _CANNOT_BE_MADE:
        yield Trouble(f"its container cannot be made ({reason})", message)
    elif reason == "CrashLoopBackOff":
        ended = container.get("lastState", {}).get("terminated", {})
        yield Trouble(
            f"it ends again and again, {_how(ended)}", last_words(lab, pod, state.namespace),
            remedy="mend the handler, then faas.up() again",
        )  # fmt: skip


def _how(ended: Object) -> str:
    if ended.get("reason") == "OOMKilled":
        return "as it needs more memory than its limit"
    return f"with exit code {ended.get('exitCode', '?')}"


def last_words(lab: Lab, pod: str, namespace: str) -> str:
    """The last lines that a container printed before it ended."""
    asked = ("logs", pod, "--namespace", namespace, "--tail=15")
    for previous in ((), ("--previous",)):
        try:
            said = lab.kubectl(*asked, *previous)
        except CommandError:
            # A container that is being made again has no log, or none of before.
            continue
        if said.strip():
            return tail(said, 15)
    return "it printed nothing"
