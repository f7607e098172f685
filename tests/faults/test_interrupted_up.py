"""`./lab up` may be killed at any moment: the next one goes on, and down finds everything."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from pathlib import Path
from subprocess import TimeoutExpired

import pytest

from .conftest import Say
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
    log = tmp_path / "up.log"
    with cluster.start("up", log=log) as up:
        try:
            up.wait(moment)
        except TimeoutExpired:
            up.send_signal(signal.SIGKILL)
    reached = log.read_text().splitlines() or ["nothing"]
    say(f"killed after {moment} s, done by then: {reached[-1]}")
    cluster.command("up")
    assert cluster.status()["state"] == "running"
    assert cluster.down() == []


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
