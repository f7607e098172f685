"""`./lab enable` and `disable` may be killed at any moment, and images may not be had."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from subprocess import Popen, TimeoutExpired
from typing import Any

import pytest

from lab_helpers import CommandError, Lab, _wait
from lab_helpers._config import ROOT
from lab_helpers._exec import run

from ..integration.made_up import KNATIVE, images, objects
from .conftest import Say
from .machine import descendants
from .own import OwnCluster

SEED = 11
_MOMENT = random.Random(SEED)  # noqa: S311 - the same moments every time
ENABLING = sorted(round(_MOMENT.uniform(0.8, 7), 2) for _ in range(4))
DISABLING = sorted(round(_MOMENT.uniform(0.8, 11), 2) for _ in range(5))


@pytest.fixture
def untouched(faults: OwnCluster) -> Iterator[None]:
    """Fails a test after which the cluster has objects or images that it had not before."""
    lab = faults.connect()
    faults.command("disable", KNATIVE)
    objects_before, images_before = objects(lab), images(faults.name)
    yield
    faults.command("disable", KNATIVE, timeout=200)

    def nothing_left() -> None:
        if left := objects(lab) - objects_before:
            raise _wait.NotYet(f"still there: {left}")

    _wait.until("nothing to be left", nothing_left, timeout=5)
    assert images(faults.name) - images_before == set()
    assert record(lab) == {}


def record(lab: Lab) -> dict[str, Any]:
    """What the cluster remembers of its components."""
    found = lab.get("configmap", "components", namespace="lab-course").get("data", {})
    return {name: json.loads(said) for name, said in found.items()}


def cut(cluster: OwnCluster, what: str, moment: float, log: Path, *, whole: bool) -> str:
    """Kill a command after some seconds, with what it started or without; say what was done."""
    log.write_text("")
    with cluster.start(what, KNATIVE, log=log) as command:
        try:
            command.wait(moment)
        except TimeoutExpired:
            _kill(command, whole=whole)
    done = log.read_text().splitlines() or ["nothing yet"]
    return f"{what} killed after {moment:.2f} s{' with all it started' * whole}: {done[-1]}"


def _kill(command: Popen[bytes], *, whole: bool) -> None:
    for pid in descendants(command.pid) if whole else [command.pid]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def assert_serving(cluster: OwnCluster) -> None:
    lab = cluster.connect()
    assert record(lab)[KNATIVE]["state"] == "enabled"
    for app in ("activator", "autoscaler", "controller", "webhook", "traefik"):
        assert lab.ready_pods(KNATIVE, f"app={app}"), app


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("untouched")
def test_enable_and_disable_go_on_after_being_killed(
    faults: OwnCluster, tmp_path: Path, say: Say
) -> None:
    for number, moment in enumerate(ENABLING):
        say(cut(faults, "enable", moment, tmp_path / "log", whole=number % 2 == 0))
    faults.command("enable", KNATIVE, timeout=200)
    assert_serving(faults)
    for number, moment in enumerate(DISABLING):
        say(cut(faults, "disable", moment, tmp_path / "log", whole=number % 2 == 0))


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("untouched")
def test_enable_goes_on_where_a_disable_was_killed(
    faults: OwnCluster, tmp_path: Path, say: Say
) -> None:
    faults.command("enable", KNATIVE, timeout=200)
    for moment in (2.0, 5.0, 8.0):
        say(cut(faults, "disable", moment, tmp_path / "log", whole=True))
        faults.command("enable", KNATIVE, timeout=200)
        assert_serving(faults)


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("untouched")
def test_disable_does_without_the_controllers_that_would_end_custom_resources(
    faults: OwnCluster, say: Say
) -> None:
    faults.command("enable", KNATIVE, timeout=200)
    lab = faults.connect()
    service = {
        "apiVersion": "serving.knative.dev/v1", "kind": "Service",
        "metadata": {"name": "page", "namespace": "default"},
        "spec": {"template": {"spec": {"containers": [{"image": "localhost:32000/lab/none"}]}}},
    }  # fmt: skip
    lab.kubectl("create", "-f", "-", stdin=json.dumps(service))
    lab.wait_until("its route", lambda: lab.get("routes.serving.knative.dev", namespace="default"))
    for name in ("controller", "webhook", "autoscaler"):
        lab.delete("deployment", name, namespace=KNATIVE)
    began = time.monotonic()
    faults.command("disable", KNATIVE, timeout=200)
    say(f"disable without controllers: {time.monotonic() - began:.1f} s")


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("untouched")
def test_images_that_cannot_be_pulled_are_named_and_the_next_enable_does_without(
    faults: OwnCluster, say: Say
) -> None:
    began = time.monotonic()
    with pytest.raises(CommandError) as failed:
        run([ROOT / "lab", "enable", KNATIVE], env={**faults.env, "LAB_IMAGES": "upstream"},
            timeout=120)  # fmt: skip
    took = time.monotonic() - began
    said = failed.value.output
    say(f"said after {took:.0f} s")
    assert took < 60
    assert failed.value.returncode == 1
    assert "error: the image " in said
    assert "cannot be pulled" in said
    assert "try:" in said
    assert "Traceback" not in said
    faults.command("enable", KNATIVE, timeout=200)
    assert_serving(faults)
