"""`./lab up` and `down` may be killed at any moment: the next one goes on from there."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from pathlib import Path
from subprocess import TimeoutExpired

import pytest

from .conftest import Say
from .machine import traces
from .own import OwnCluster, until

SEED = 7
_MOMENT = random.Random(SEED)  # noqa: S311 - the same moments every time
AT_ONCE = {"timeout": 20, "interval": 0.001}
MOMENTS = [round(_MOMENT.uniform(0.1, 8), 2) for _ in range(5)]


@pytest.mark.parametrize("moment", MOMENTS)
def test_up_goes_on_after_being_killed_and_down_leaves_no_trace(
    moment: float, new_cluster: Callable[[str], OwnCluster], tmp_path: Path, say: Say
) -> None:
    cluster = new_cluster("cut")
    say(f"up killed after {cut(cluster, 'up', moment, tmp_path / 'up.log')}")
    cluster.command("up")
    assert cluster.status()["state"] == "running"
    namespaces = cluster.namespaces()
    say(f"down killed after {cut(cluster, 'down', moment / 8, tmp_path / 'down.log')}")
    cluster.command("down")
    assert traces("cut", namespaces) == []


def cut(cluster: OwnCluster, what: str, moment: float, log: Path) -> str:
    """Kill a command after some seconds; say when that was and what was done by then."""
    with cluster.start(what, log=log) as command:
        try:
            command.wait(moment)
        except TimeoutExpired:
            command.kill()
    done = log.read_text().splitlines() or ["nothing yet"]
    return f"{moment:.2f} s: {done[-1]}"


def test_up_goes_on_after_etcd_was_cut_off_while_it_made_its_first_log(
    new_cluster: Callable[[str], OwnCluster], tmp_path: Path
) -> None:
    cluster = new_cluster("cut")
    with cluster.start("up", log=tmp_path / "up.log") as up:
        until("etcd's log to be made", (cluster.folder / "etcd/member/wal").exists, **AT_ONCE)
        os.kill(cluster.init, signal.SIGKILL)
        up.kill()
    cluster.command("up")
    assert cluster.status()["state"] == "running"
    assert cluster.down() == []
