"""Pods start quickly, and kubectl's everyday commands reach into them."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import httpx
import pytest

from lab_helpers import CommandError, Lab, _wait
from lab_helpers._exec import spawn
from lab_helpers.programs import CATALOGUE

from .support import serve


def test_twenty_pods_are_ready_within_half_a_minute(lab: Lab, namespace: str) -> None:
    began = time.monotonic()
    serve(lab, namespace, replicas=20, timeout=30)
    print(f"20 pods ready after {time.monotonic() - began:.1f} s")
    assert len(lab.ready_pods(namespace, "app=web")) == 20
    assert lab.restarts(namespace) == 0


def test_logs_show_what_a_pod_printed(lab: Lab, namespace: str) -> None:
    serve(lab, namespace)
    first, *_ = lab.kubectl("logs", "deployment/web", "--namespace", namespace).splitlines()
    assert json.loads(first)["msg"] == "Starting podinfo"


def test_exec_runs_a_program_in_a_pod_and_hands_on_its_exit_code(lab: Lab, namespace: str) -> None:
    serve(lab, namespace)
    inside = ("exec", "deployment/web", "--namespace", namespace, "--", "/podinfo")
    assert lab.kubectl(*inside, "--version").strip() == CATALOGUE["podinfo"].version[1:]
    with pytest.raises(CommandError, match="terminated with exit code 2") as failed:
        lab.kubectl(*inside, "--no-such-flag")
    assert failed.value.returncode == 2


def test_port_forward_reaches_a_service(lab: Lab, namespace: str, tmp_path: Path) -> None:
    serve(lab, namespace)
    log = tmp_path / "port-forward.log"
    connection = lab.connection
    forward = spawn(
        [connection.kubectl, "--kubeconfig", connection.kubeconfig, "port-forward",
         "--namespace", namespace, "service/web", ":http"], log=log,
    )  # fmt: skip
    try:
        port = _wait.until("kubectl to say its port", lambda: said_port(log), timeout=15)
        answer = httpx.get(f"http://127.0.0.1:{port}/", timeout=10, trust_env=False)
        assert answer.json()["hostname"] in lab.ready_pods(namespace)
    finally:
        forward.terminate()
        forward.wait()


def said_port(log: Path) -> str:
    found = re.search(r"127\.0\.0\.1:(\d+) ->", log.read_text())
    if found is None:
        raise _wait.NotYet(log.read_text() or "it says nothing yet")
    return found[1]


def test_top_shows_nodes_and_pods(lab: Lab) -> None:
    def rows(*what: str) -> list[str]:
        return lab.kubectl("top", *what, "--no-headers").splitlines()

    # The first figures come two rounds of asking after the cluster's start.
    lab.wait_until("figures of the node", lambda: rows("nodes"), timeout=60)
    lab.wait_until("figures of pods", lambda: rows("pods", "--namespace", "kube-system"))
    (node,) = rows("nodes")
    _, cores, _, memory, _ = node.split()
    assert re.fullmatch(r"\d+m", cores)
    assert re.fullmatch(r"\d+Mi", memory)
    assert any(row.startswith("coredns-") for row in rows("pods", "--namespace", "kube-system"))
