"""lab_helpers.components._workloads"""

from __future__ import annotations

from typing import Any

import pytest

from lab_helpers import LabError
from lab_helpers.components import _workloads

READY = {
    "observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1,
}  # fmt: skip
ON_EVERY_NODE = {
    "observedGeneration": 2, "desiredNumberScheduled": 3, "updatedNumberScheduled": 3,
    "numberAvailable": 3,
}  # fmt: skip


def workload(kind: str, status: dict[str, int], **spec: int) -> dict[str, Any]:
    metadata = {"name": "web", "namespace": "one", "generation": 2}
    return {"kind": kind, "metadata": metadata, "spec": spec, "status": status}


@pytest.mark.parametrize(
    ("found", "ready"),
    [
        (None, False),
        (workload("Deployment", READY), True),
        (workload("StatefulSet", READY), True),
        (workload("Deployment", {}), False),
        (workload("Deployment", {**READY, "observedGeneration": 1}), False),
        (workload("Deployment", READY, replicas=2), False),
        (workload("Deployment", {**READY, "availableReplicas": 0}), False),
        # The old pod answers yet.
        (workload("Deployment", {**READY, "replicas": 2}), False),
        (workload("Deployment", {**READY, "updatedReplicas": 0}), False),
        (workload("Deployment", {"observedGeneration": 2}, replicas=0), True),
        (workload("Deployment", READY, replicas=0), False),
        (workload("DaemonSet", ON_EVERY_NODE), True),
        (workload("DaemonSet", {**ON_EVERY_NODE, "numberAvailable": 2}), False),
        (workload("DaemonSet", {**ON_EVERY_NODE, "updatedNumberScheduled": 2}), False),
        (workload("DaemonSet", {"observedGeneration": 2, "desiredNumberScheduled": 0}), True),
    ],
    ids=str,
)
def test_a_workload_is_ready_when_all_its_pods_are_of_its_specification(
    found: dict[str, Any] | None, ready: bool
) -> None:
    assert _workloads._is_ready(found) is ready


def pod(name: str, reason: str, kind: str = "containerStatuses") -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": "no such host"}}
    status = {kind: [{"image": "example.org/a:v1", "state": state}]}
    return {"kind": "Pod", "metadata": {"name": name}, "status": status}


def test_a_pull_that_goes_on_failing_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(_workloads.time, "monotonic", lambda: now[0])
    failing = [pod("web-1", "ErrImagePull"), {"kind": "Deployment"}]
    since: dict[str, float] = {}
    _workloads._refuse_failed_pulls(failing, since)
    now[0] += _workloads.PULL_FAILS_AFTER
    _workloads._refuse_failed_pulls(failing, since)
    now[0] += 1
    with pytest.raises(LabError, match=r"the image example\.org/a:v1 of pod web-1") as refused:
        _workloads._refuse_failed_pulls([pod("web-1", "ImagePullBackOff")], since)
    assert refused.value.seen == "no such host"
    assert "run it again" in refused.value.remedy


def test_the_pull_of_a_container_that_comes_first_can_fail_as_well() -> None:
    waiting = pod("web-1", "ImagePullBackOff", "initContainerStatuses")
    waiting["status"]["containerStatuses"] = pod("web-1", "PodInitializing")["status"][
        "containerStatuses"
    ]
    failed = [("web-1", "example.org/a:v1", "no such host")]
    assert list(_workloads._failed_pulls([waiting])) == failed


@pytest.mark.parametrize("reason", ["ContainerCreating", "CrashLoopBackOff", "PodInitializing"])
def test_other_reasons_to_wait_are_no_failed_pull(reason: str) -> None:
    assert list(_workloads._failed_pulls([pod("web-1", reason)])) == []


def test_a_pod_that_has_not_begun_has_no_failed_pull() -> None:
    assert list(_workloads._failed_pulls([{"kind": "Pod", "status": {}}])) == []
