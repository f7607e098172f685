"""How long a cluster takes to come, to go and to come back, and what it costs while idle.

The floor of a start is the bare start: the same programs in the same sandbox, begun with one
call and awaited with the same probes, without anything that ``./lab up`` does around it.
"""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median
from typing import Any

from lab_helpers import _progress
from lab_helpers._config import environment, settings
from lab_helpers._exceptions import LabError, Unsupported
from lab_helpers._exec import PYTHON, run
from lab_helpers.builds import build_foundation
from lab_helpers.cluster.embedded import sandbox
from lab_helpers.cluster.embedded.actions.start_sandbox import start_sandbox
from lab_helpers.cluster.embedded.actions.wait_until_ready import wait_until_ready
from lab_helpers.cluster.embedded.node import Node

NAME = "bench"
ROUNDS = 3


def measure() -> dict[str, Any]:
    """Measure on a cluster of its own, which is gone afterwards.

    Shape: ``{"figures": {name: number}, "ratios": {"up_to_bare": number}}``.

    :raises Unsupported: this process is not root.
    """
    if not settings().is_root:
        raise Unsupported("the bare start is made in this process, which needs root",
                          remedy="sudo ./lab bench startup")  # fmt: skip
    if Node.load(NAME) is not None:
        raise LabError(f"there is a cluster {NAME!r} already", remedy=f"LAB_NAME={NAME} ./lab down")
    build_foundation()
    try:
        return _measure()
    finally:
        _lab("down")


def _measure() -> dict[str, Any]:
    free = _available_gb()
    with _progress.step("create, from nothing"):
        created = _timed("up")
    with _progress.step("up while it runs"):
        again = _timed("up")
    idle = free - _available_gb()
    stops, ups, bares = [], [], []
    for number in range(1, ROUNDS + 1):
        with _progress.step(f"stop and start, round {number} of {ROUNDS}"):
            stops.append(_timed("stop"))
            ups.append(_timed("up"))
            _lab("stop")
            bares.append(_bare())
    return {
        "figures": {
            "up_from_nothing_s": created,
            "up_while_running_s": again,
            "stop_s": median(stops),
            "up_after_stop_s": median(ups),
            "stop_and_up_s": median(a + b for a, b in zip(stops, ups, strict=True)),
            "bare_start_s": median(bares),
            "idle_memory_gb": idle,
            "cache_gb": _cache_gb(),
        },
        "ratios": {"up_to_bare": median(up / bare for up, bare in zip(ups, bares, strict=True))},
    }


def _lab(command: str) -> None:
    run([*PYTHON, "-m", "lab_helpers", command], env=environment(LAB_NAME=NAME))


def _timed(command: str) -> float:
    began = time.monotonic()
    _lab(command)
    return time.monotonic() - began


def _bare() -> float:
    """Start the programs of the stopped cluster and wait until they serve."""
    node = Node.load(NAME)
    if node is None:
        raise LabError("the benchmark's cluster is gone")
    began = time.monotonic()
    start_sandbox(node)
    wait_until_ready(node)
    took = time.monotonic() - began
    sandbox.kill(node)
    return took


def _available_gb() -> float:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) / 1e6
    raise LabError("/proc/meminfo has no MemAvailable")


def _cache_gb() -> float:
    """What the cache holds besides clusters; a file linked twice counts once."""
    files = {
        (stat.st_dev, stat.st_ino): stat.st_blocks * 512
        for path in settings().cache.rglob("*")
        if "clusters" not in path.relative_to(settings().cache).parts
        and not path.is_symlink()
        and (stat := path.stat())
    }
    return sum(files.values()) / 1e9
