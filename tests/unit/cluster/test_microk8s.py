"""lab_helpers.cluster.microk8s and ._snap, with a stand-in for snap, microk8s and kubectl.

The stand-in answers from ``transcripts/``, and only in the order that is written there.
"""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
import yaml

from lab_helpers import LabError, Unsupported
from lab_helpers.cluster import Status, _snap, microk8s
from lab_helpers.cluster.microk8s import MicroK8sProvider

from .conftest import Server, StandIn

NO_SNAP = ("kubectl",)


@pytest.fixture(autouse=True)
def addresses(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ingress and registry are where the test's server is, and their ports are free."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        free = listener.getsockname()[1]
    monkeypatch.setattr(_snap, "INGRESS_PORTS", (free,))
    monkeypatch.setattr(microk8s, "PAGES", f"localhost:{server.port}")
    monkeypatch.setattr(microk8s, "REGISTRY", f"localhost:{server.port}")


@pytest.mark.parametrize("name", ["fresh", "ready", "stopped", "starting"])
def test_it_is_made_ready(stand_in: StandIn, server: Server, name: str) -> None:
    stand_in.play(name)
    connection = MicroK8sProvider().create()
    assert stand_in.asked == stand_in.expected
    assert connection.provider == "microk8s"
    assert (connection.domain, connection.ingress_port) == ("localhost", server.port)
    assert connection.registry == f"localhost:{server.port}"
    assert connection.images == "built"
    kubeconfig = yaml.safe_load(connection.kubeconfig.read_text())
    assert kubeconfig["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:16443"
    assert connection.kubeconfig.stat().st_mode & 0o077 == 0
    assert MicroK8sProvider().connection() == connection


@pytest.mark.parametrize(
    ("name", "what", "remedy"),
    [
        ("not-installed", "microk8s is not installed", "sudo snap install microk8s --classic"),
        ("no-snapd", "microk8s is not installed", "sudo snap install microk8s --classic"),
        ("disabled", "installed and disabled", "sudo snap enable microk8s"),
        ("not-in-the-group", "may not use microk8s", "sudo usermod -a -G microk8s ana"),
        ("strict", "from root only", "sudo ./lab"),
        ("will-not-start", "could not start", "microk8s inspect"),
        ("never-ready", "not ready after 180 s", "microk8s inspect"),
        ("worker", "a node of another one's cluster", "--cluster kubeconfig"),
        ("addon-missing", "no addon hostpath-storage", "addons repo update core"),
        ("addon-fails", "could not enable dns", "microk8s enable dns"),
    ],
)
def test_a_failure_is_said_with_what_mends_it(
    stand_in: StandIn, name: str, what: str, remedy: str
) -> None:
    stand_in.play(name)
    with pytest.raises(LabError, match=what) as failed:
        MicroK8sProvider().create()
    assert remedy in failed.value.remedy
    assert failed.value.seen
    assert stand_in.asked == stand_in.expected
    assert MicroK8sProvider().status() == Status("absent")


def test_a_machine_without_snap_is_told_so(stand_in: StandIn) -> None:
    stand_in.play("ready", NO_SNAP)
    with pytest.raises(Unsupported, match="no snap") as failed:
        MicroK8sProvider().create()
    assert "./lab up" in failed.value.remedy


def test_a_command_off_the_path_is_told(stand_in: StandIn) -> None:
    stand_in.play("ready", ("snap", "kubectl"))
    with pytest.raises(Unsupported, match="command is not found") as failed:
        MicroK8sProvider().create()
    assert "/snap/bin" in failed.value.remedy


def test_the_ingress_is_not_enabled_on_a_port_that_is_taken(
    stand_in: StandIn, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_snap, "INGRESS_PORTS", (server.port,))
    stand_in.play("port-taken")
    with pytest.raises(LabError, match=f"port {server.port} is taken") as failed:
        MicroK8sProvider().create()
    assert "ss -ltnp" in failed.value.remedy
    assert f"127.0.0.1:{server.port} answers" in failed.value.seen
    assert stand_in.asked == stand_in.expected


def test_an_ingress_that_does_not_answer_is_told(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = _snap.INGRESS_PORTS[0]
    monkeypatch.setattr(microk8s, "PAGES", f"localhost:{closed}")
    monkeypatch.setattr(microk8s, "PATIENCE", 0)
    stand_in.play("ready")
    with pytest.raises(LabError, match="the ingress of microk8s does not answer") as failed:
        MicroK8sProvider().create()
    assert f"sport = :{closed}" in failed.value.remedy


def test_another_web_server_in_place_of_the_ingress_is_told(
    stand_in: StandIn, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    server.status = 200
    stand_in.play("ready")
    MicroK8sProvider().create()
    assert "answers 200, where microk8s' ingress says 404" in capsys.readouterr().err


def test_an_interrupted_start_goes_on_from_there(stand_in: StandIn) -> None:
    stand_in.play("addon-missing")
    with pytest.raises(LabError):
        MicroK8sProvider().create()
    stand_in.play("ready")
    MicroK8sProvider().create()
    assert MicroK8sProvider().status() == Status("running", "Kubernetes v1.36.1")


def test_stop_asks_first_whether_it_runs(stand_in: StandIn) -> None:
    provider = MicroK8sProvider()
    provider.stop()
    assert stand_in.asked == []
    stand_in.play("ready")
    provider.create()
    stand_in.play("stop")
    provider.stop()
    provider.stop()
    assert stand_in.asked == stand_in.expected


def test_stopped_is_told_from_broken(stand_in: StandIn) -> None:
    stand_in.play("ready")
    MicroK8sProvider().create()
    (stand_in.folder / "kubectl").write_text("#!/bin/sh\nexit 1\n")
    stand_in.play("status", ("microk8s",))
    assert MicroK8sProvider().status() == Status("stopped")
    assert MicroK8sProvider().status().state == "broken"
    assert MicroK8sProvider().status() == Status("broken", "this user may not use microk8s")


def test_delete_leaves_microk8s_and_its_addons(
    stand_in: StandIn, capsys: pytest.CaptureFixture[str], cache: Path
) -> None:
    stand_in.play("fresh")
    MicroK8sProvider().create()
    MicroK8sProvider().delete()
    assert stand_in.asked == stand_in.expected
    deleted = [each for each in stand_in.asked_kubectl if each.startswith("delete")]
    (command,) = deleted
    assert command.split()[:5] == [
        "delete", "namespace", "first-steps", "ana-first-steps", "lab-course",
    ]  # fmt: skip
    assert command.split()[5].startswith("--")
    assert "registry was enabled for the course and stays" in capsys.readouterr().err
    assert MicroK8sProvider().status() == Status("absent")
    assert [each for each in (cache / "clusters").iterdir() if each.is_dir()] == []


def test_delete_of_one_learners_leaves_the_others(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lab_helpers._config import settings

    monkeypatch.setenv("LAB_LEARNER", "ana")
    settings.cache_clear()
    stand_in.play("ready")
    MicroK8sProvider().create()
    MicroK8sProvider().delete()
    deleted = [each.split()[2:] for each in stand_in.asked_kubectl if each.startswith("delete")]
    assert [names[0] for names in deleted] == ["ana-first-steps"]
    assert not any("components" in each for each in stand_in.asked_kubectl)
