"""The whole node may end, at once or in order: what was written is there when it comes back."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from secrets import token_hex

import pytest

from lab_helpers import Lab

from ..integration.support import apply, post, serve, show
from .conftest import Say
from .machine import traces
from .own import OwnCluster, Writer, until


@pytest.fixture
def lab(faults: OwnCluster) -> Iterator[Lab]:
    """A connection to the cluster, podinfo in its registry."""
    lab = faults.connect()
    lab.push_image("podinfo")
    yield lab
    lab.http.close()
    lab.api.close()


@pytest.fixture
def namespace(lab: Lab) -> str:
    """A namespace that goes with the cluster."""
    name = f"kept-{token_hex(3)}"
    lab.kubectl("create", "namespace", name)
    return name


def test_nothing_acknowledged_is_lost_when_everything_is_killed(
    faults: OwnCluster, lab: Lab, namespace: str, say: Say
) -> None:
    writer = Writer(lab, namespace)
    namespaces = faults.namespaces()
    with writer.writing():
        until("a hundred writes", lambda: len(writer.acknowledged) > 100, timeout=30)
        os.kill(faults.init, signal.SIGKILL)
    until("the sandbox to be gone", lambda: gone(faults, namespaces), timeout=10)
    began = time.monotonic()
    faults.command("up")
    say(f"{len(writer.acknowledged)} writes acknowledged, up again in {since(began)}")
    # The kubelet looks for a container in each cgroup folder that is left, 3 s each.
    assert time.monotonic() - began < 40
    found = lab.get("configmaps", namespace=namespace)["items"]
    values = {each["metadata"]["name"]: each["data"] for each in found}
    assert [name for name in writer.acknowledged if values.get(name) != {"name": name}] == []
    assert lab.kubectl("get", "--raw", "/readyz/etcd") == "ok"


def gone(cluster: OwnCluster, namespaces: set[str]) -> bool:
    """Whether all that is left is what the disk keeps."""
    found = traces(cluster.name, namespaces)
    assert [each for each in found if each.startswith(("process", "mount"))] == []
    return True


def test_down_leaves_no_trace_of_a_killed_sandbox(faults: OwnCluster) -> None:
    namespaces = faults.namespaces()
    os.kill(faults.init, signal.SIGKILL)
    until("the sandbox to be gone", lambda: gone(faults, namespaces), timeout=10)
    faults.command("down")
    assert traces(faults.name, namespaces) == []


def test_volumes_and_workloads_come_back_after_a_stop(
    faults: OwnCluster, lab: Lab, namespace: str, say: Say
) -> None:
    apply(lab, namespace, "notes", name="notes")
    show(lab, namespace, "notes-kept", service="notes")
    serve(lab, namespace, replicas=2, page="web-kept")
    lab.wait("deployment/notes", namespace=namespace)
    lab.wait_for_page("notes-kept", "/healthz")
    stored = post(lab, "notes-kept", "/store", "written before the stop")["hash"]
    pods = lab.ready_pods(namespace)

    began = time.monotonic()
    namespaces = faults.namespaces()
    faults.command("stop")
    stopped = since(began)
    assert gone(faults, namespaces)
    assert faults.status()["state"] == "stopped"
    began = time.monotonic()
    faults.command("up")
    up = since(began)
    lab.wait_for_page("web-kept", "/healthz")
    lab.wait_for_page("notes-kept", "/healthz")
    say(f"stop {stopped}, up {up}, workloads back {since(began)} after up began")
    assert lab.http.get(lab.url("notes-kept", f"/store/{stored}")).text == "written before the stop"
    until("the same pods to be ready", lambda: lab.ready_pods(namespace) == pods, timeout=30)


def test_up_mends_a_cluster_that_does_not_answer(faults: OwnCluster) -> None:
    """The API server is held, not killed: nobody starts it anew."""
    os.kill(faults.process("kube-apiserver"), signal.SIGSTOP)
    status = faults.status()
    assert status["state"] == "broken"
    assert "the API does not answer" in status["detail"]
    faults.command("up")
    assert faults.status()["state"] == "running"


def since(began: float) -> str:
    return f"{time.monotonic() - began:.1f} s"
