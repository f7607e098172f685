"""./lab on a running cluster: documents, exports, exit codes, logs, and a quick second up."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from lab_helpers import CommandError, Lab
from lab_helpers._config import ROOT
from lab_helpers._exec import run
from lab_helpers.cluster.embedded.services import SEVEN

from .support import command


def test_status_is_one_json_document(lab: Lab) -> None:
    found = json.loads(command("status", "--json"))
    assert found["cluster"]["state"] == "running"
    assert found["cluster"]["pages"] == f"http://NAME.localhost:{lab.connection.ingress_port}"
    assert found["cluster"]["registry"] == lab.connection.registry_address


def test_env_connects_a_shell() -> None:
    script = (
        f'set -eu; eval "$({ROOT}/lab env)"; kubectl config current-context; echo "$LAB_CLUSTER"'
    )
    context, cluster = run(["sh", "-c", script], timeout=60).split()
    assert context.startswith("lab-")
    assert cluster == "embedded"


def test_kubectl_prints_what_it_found() -> None:
    assert "kube-system" in command("kubectl", "get", "namespaces")


def test_kubectl_gets_every_word_as_it_is() -> None:
    asked = ("exec", "--namespace", "ingress", "daemonset/traefik", "--", "/traefik", "version")
    assert "Version:" in command("kubectl", *asked)


@pytest.mark.parametrize("arguments", [("get", "namespace", "no-such-one"), ("no-such-verb",)])
def test_kubectl_hands_on_its_exit_code(arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError) as failed:
        command("kubectl", *arguments)
    assert failed.value.returncode == 1
    assert "Traceback" not in failed.value.output


def test_kubectl_takes_options_that_the_command_line_has_as_well() -> None:
    assert "kubectl controls the Kubernetes cluster manager" in command("kubectl", "--help")
    assert json.loads(command("kubectl", "version", "--output=json"))["serverVersion"]


def test_logs_are_written_to_a_folder(lab: Lab, namespace: str, tmp_path: Path) -> None:
    out = tmp_path / "bug report"
    lab.kubectl("create", "deployment", "lost", "--image=localhost:32000/none:v1", "-n", namespace)
    lab.wait_until("a warning", lambda: "Failed" in lab.events(namespace))
    command("logs", "--out", out)
    for name in SEVEN:
        assert (out / "node" / f"{name}-current").stat().st_size > 0
    assert namespace in (out / "events.txt").read_text()
    assert list(out.rglob("coredns*/logs.txt"))


def test_up_on_a_running_cluster_takes_a_moment() -> None:
    began = time.monotonic()
    command("up")
    seconds = time.monotonic() - began
    print(f"up on a running cluster: {seconds:.1f} s")
    assert seconds < 5
