"""Pods start quickly, and kubectl's everyday commands reach into them."""

from __future__ import annotations

import json
import re
import time

import httpx
import pytest

from lab_helpers import CommandError, Lab
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


def test_port_forward_reaches_a_service_until_it_is_closed(lab: Lab, namespace: str) -> None:
    serve(lab, namespace)
    with lab.port_forward("service/web", 80, namespace=namespace) as tunnel:
        address = f"http://{tunnel.host}:{tunnel.port}/"
        answer = httpx.get(address, timeout=10, trust_env=False)
        assert answer.json()["hostname"] in lab.ready_pods(namespace)
        assert tunnel.open
    assert not tunnel.open
    with pytest.raises(httpx.ConnectError):
        httpx.get(address, timeout=10, trust_env=False)


def test_port_forward_says_why_it_cannot_be(lab: Lab, namespace: str) -> None:
    with pytest.raises(CommandError, match='services "nobody" not found'):
        lab.port_forward("service/nobody", 80, namespace=namespace)


def test_secrets_are_read_as_what_they_stand_for(lab: Lab, namespace: str) -> None:
    lab.kubectl("create", "secret", "generic", "pair", "--namespace", namespace,
                "--from-literal=user=zoë", "--from-literal=password=a b")  # fmt: skip
    assert lab.secret("pair", namespace=namespace) == {"user": "zoë", "password": "a b"}


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
