"""The whole node may end, at once or in order: what was written is there when it comes back."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator

import pytest

from lab_helpers import Lab

from ..integration.support import apply, post, serve, show
from .conftest import Say
from .machine import traces
from .own import OwnCluster, Writer, until

NAMESPACE = "kept"


@pytest.fixture
def lab(faults: OwnCluster) -> Iterator[Lab]:
    """The cluster, with a namespace that is removed afterwards."""
    lab = faults.connect()
    lab.push_image("podinfo")
    lab.kubectl("create", "namespace", NAMESPACE)
    yield lab
    lab.delete("namespace", NAMESPACE)
    lab.http.close()
    lab.api.close()


def test_nothing_acknowledged_is_lost_when_everything_is_killed(
    faults: OwnCluster, lab: Lab, say: Say
) -> None:
    writer = Writer(lab, NAMESPACE)
    namespaces = faults.namespaces()
    with writer.writing():
        until("a hundred writes", lambda: len(writer.acknowledged) > 100, timeout=30)
        os.kill(faults.init, signal.SIGKILL)
    until("the sandbox to be gone", lambda: gone(namespaces), timeout=10)
    began = time.monotonic()
    faults.command("up")
    say(f"{len(writer.acknowledged)} writes acknowledged, up again in {since(began)}")
    # The kubelet looks for a container in each cgroup folder that is left, 3 s each.
    assert time.monotonic() - began < 40
    found = lab.get("configmaps", namespace=NAMESPACE)["items"]
    values = {each["metadata"]["name"]: each["data"] for each in found}
    assert [name for name in writer.acknowledged if values.get(name) != {"name": name}] == []
    assert lab.kubectl("get", "--raw", "/readyz/etcd") == "ok"


def gone(namespaces: set[str]) -> bool:
    """Whether all that is left is what the disk keeps."""
    left = [each for each in traces("faults", namespaces) if each.startswith(("process", "mount"))]
    assert left == []
    return True


def test_down_leaves_no_trace_of_a_killed_sandbox(faults: OwnCluster) -> None:
    namespaces = faults.namespaces()
    os.kill(faults.init, signal.SIGKILL)
    until("the sandbox to be gone", lambda: gone(namespaces), timeout=10)
    faults.command("down")
    assert traces("faults", namespaces) == []


def test_volumes_and_workloads_come_back_after_a_stop(
    faults: OwnCluster, lab: Lab, say: Say
) -> None:
    apply(lab, NAMESPACE, "notes", name="notes")
    show(lab, NAMESPACE, "notes-kept", service="notes")
    serve(lab, NAMESPACE, replicas=2, page="web-kept")
    lab.wait("deployment/notes", namespace=NAMESPACE)
    lab.wait_for_page("notes-kept", "/healthz")
    stored = post(lab, "notes-kept", "/store", "written before the stop")["hash"]
    pods = lab.ready_pods(NAMESPACE)

    began = time.monotonic()
    namespaces = faults.namespaces()
    faults.command("stop")
    stopped = since(began)
    assert gone(namespaces)
    assert faults.status()["state"] == "stopped"
    began = time.monotonic()
    faults.command("up")
    up = since(began)
    lab.wait_for_page("web-kept", "/healthz")
    lab.wait_for_page("notes-kept", "/healthz")
    say(f"stop {stopped}, up {up}, workloads back {since(began)} after up began")
    assert lab.http.get(lab.url("notes-kept", f"/store/{stored}")).text == "written before the stop"
    until("the same pods to be ready", lambda: lab.ready_pods(NAMESPACE) == pods, timeout=30)


def test_up_mends_a_cluster_that_does_not_answer(faults: OwnCluster, lab: Lab) -> None:
    """The API server is held, not killed: nobody starts it anew."""
    os.kill(faults.process("kube-apiserver"), signal.SIGSTOP)
    status = faults.status()
    assert status["state"] == "broken"
    assert "the API does not answer" in status["detail"]
    faults.command("up")
    assert faults.status()["state"] == "running"
    assert json.loads(lab.kubectl("get", "namespace", NAMESPACE, "-o", "json"))


def since(began: float) -> str:
    return f"{time.monotonic() - began:.1f} s"
