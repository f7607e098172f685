"""lab_helpers.openfaas.rollout: when a function serves, and why it does not"""

from __future__ import annotations

from typing import Any

import pytest

from lab_helpers import CommandError, Lab, LabError, WaitTimeout
from lab_helpers.openfaas import rollout
from lab_helpers.openfaas.rollout import State

Object = dict[str, Any]


def deployment(
    *, replicas: int = 1, generation: int = 1, revision: str = "2", **status: int
) -> Object:
    counts = {"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1, "observedGeneration": 1}
    return {
        "kind": "Deployment",
        "metadata": {
            "name": "greet",
            "generation": generation,
            "annotations": {"deployment.kubernetes.io/revision": revision},
        },
        "spec": {"replicas": replicas},
        "status": {**counts, **status},
    }


def replica_set(uid: str, revision: str) -> Object:
    annotations = {"deployment.kubernetes.io/revision": revision}
    return {"kind": "ReplicaSet", "metadata": {"uid": uid, "annotations": annotations}}


def pod(name: str, owner: str = "new", *, going: bool = False, **container: Any) -> Object:
    metadata: Object = {"name": name, "ownerReferences": [{"uid": owner}]}
    if going:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    given = {"image": "i:1", "state": {}, **container}
    return {"kind": "Pod", "metadata": metadata, "status": {"containerStatuses": [given]}}


def endpoints(*names: str, ready: bool = True) -> Object:
    listed = [{"conditions": {"ready": ready}, "targetRef": {"name": name}} for name in names]
    return {"kind": "EndpointSlice", "metadata": {"name": "greet-1"}, "endpoints": listed}


SETS = (replica_set("old", "1"), replica_set("new", "2"))
SERVES = (deployment(), *SETS, pod("a"), endpoints("a"))


@pytest.mark.parametrize(
    ("found", "missing"),
    [
        ((), "there is no Deployment"),
        ((deployment(generation=2), *SERVES[1:]), "has not seen the change"),
        ((deployment(updatedReplicas=0), *SERVES[1:]), "of 1 wanted pods 0 updated, 1 available"),
        ((deployment(replicas=2), *SERVES[1:]), "of 2 wanted pods"),
        ((*SERVES[:4], endpoints("a", "b")), "calls go to a, b"),
        ((*SERVES[:4], endpoints("a", ready=False)), "calls go to nobody"),
        ((*SERVES[:3], pod("a", "old"), endpoints("a")), "calls go to a"),
        ((*SERVES[:4], pod("z", "old", going=True), endpoints("z")), "calls go to z"),
        ((*SERVES[:4], {"kind": "EndpointSlice", "endpoints": None}), "calls go to nobody"),
    ],
)  # fmt: skip
def test_a_function_does_not_serve_before_all_of_it_is_new(
    found: tuple[Object, ...], missing: str
) -> None:
    assert missing in State("greet", "n", found).missing()


@pytest.mark.parametrize(
    "found",
    [
        SERVES,
        (*SERVES, pod("z", "old", going=True)),
        (deployment(replicas=0, updatedReplicas=0, availableReplicas=0) | {"status": {
            "observedGeneration": 1}}, *SETS),
    ],
    ids=["alone", "an old pod ends", "at zero"],
)  # fmt: skip
def test_a_function_serves(found: tuple[Object, ...]) -> None:
    assert State("greet", "n", found).missing() == ""


class Cluster(Lab):
    """A cluster that has just these objects, and logs of its pods."""

    def __init__(self, *found: Object, logs: str = "") -> None:
        self.found = found
        self.said = logs

    def get(self, *_: Any, **__: Any) -> Object:
        return {"items": list(self.found)}

    def kubectl(self, *arguments: Any, **_: Any) -> str:
        if arguments[0] != "logs":
            return ""
        if "--previous" not in arguments:
            raise CommandError(["kubectl"], 1, "container is waiting to start")
        return self.said


def stuck(reason: str, message: str = "", **container: Any) -> Cluster:
    waits = pod("a", state={"waiting": {"reason": reason, "message": message}}, **container)
    return Cluster(deployment(availableReplicas=0), *SETS, waits, logs="Boom: line 3")


@pytest.mark.parametrize(
    ("cluster", "what", "seen"),
    [
        (stuck("ErrImagePull", "x: not found"), "its image i:1 cannot be pulled", "x: not found"),
        (stuck("InvalidImageName", "bad"), "its container cannot be made", "bad"),
        (stuck("CreateContainerConfigError", "no key"), "its container cannot be made", "no key"),
        (stuck("CrashLoopBackOff", lastState={"terminated": {"exitCode": 3}}),
         "it ends again and again, with exit code 3", "Boom: line 3"),
        (stuck("CrashLoopBackOff", lastState={"terminated": {"reason": "OOMKilled"}}),
         "it needs more memory than its limit", "Boom: line 3"),
    ],
)  # fmt: skip
def test_what_cannot_start_is_not_waited_for(cluster: Cluster, what: str, seen: str) -> None:
    with pytest.raises(LabError, match="greet is deployed, but") as refused:
        rollout.wait(cluster, "greet", "n", timeout=0)
    assert not isinstance(refused.value, WaitTimeout)
    assert what in refused.value.what
    assert refused.value.seen == seen


@pytest.mark.parametrize(
    "cluster",
    [
        stuck("ErrImagePull", "connection refused"),
        stuck("ContainerCreating"),
        Cluster(deployment(), *SETS, pod("old", "old", state={"waiting": {
            "reason": "CrashLoopBackOff"}})),
    ],
    ids=["a registry that is away", "just begun", "a pod of before"],
)  # fmt: skip
def test_what_may_still_start_is_waited_for(cluster: Cluster) -> None:
    with pytest.raises(WaitTimeout):
        rollout.wait(cluster, "greet", "n", timeout=0)


def test_what_may_be_bad_luck_is_a_failure_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollout, "PATIENCE", 0.2)
    with pytest.raises(LabError, match="cannot be pulled"):
        rollout.wait(stuck("ErrImagePull", "connection refused"), "greet", "n", timeout=20)


def test_pods_that_the_cluster_refuses_are_told() -> None:
    refuses = deployment(availableReplicas=0)
    refuses["status"]["conditions"] = [
        {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}
    ]
    with pytest.raises(LabError, match="the cluster refuses its pods") as refused:
        rollout.wait(Cluster(refuses, *SETS), "greet", "n", timeout=0)
    assert refused.value.seen == "exceeded quota"


def test_what_is_left_is_named() -> None:
    left = Cluster({"kind": "Pod", "metadata": {"name": "a"}})
    with pytest.raises(WaitTimeout) as late:
        rollout.wait_until_gone(left, "greet", "n", timeout=0)
    assert late.value.last == "there is still pod/a"
