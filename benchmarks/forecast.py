"""The forecast app: from a new file to the page, its readers, and how soon it is whole again."""

from __future__ import annotations

import time
from datetime import datetime
from statistics import median
from typing import Any

from lab_helpers import Lab, _progress, _wait, builds, components, connect, outages
from lab_helpers._config import export
from lab_helpers.cluster import provider
from lab_helpers.cluster.embedded.node import Node
from lab_helpers.exercises.chapter_11 import MADRID, PLACES
from lab_helpers.forecast_app import NEEDS, ForecastApp
from lab_helpers.load import visit

from ._memory import in_use

NAME = "bench"
FILES = 20
CALLS = 200
READERS, EVERY, SECONDS = 200, 5, 60
"""How many there are, and the seconds between two requests of one, and altogether."""


def measure() -> dict[str, Any]:
    """Measure on a cluster of its own, which is gone afterwards; what is built is built before.

    Shape: ``{"figures": {name: number}, "ratios": {name: number}}``. The floor of what readers
    wait for is the same request while nobody else asks.
    """
    builds.build_course()
    export(LAB_NAME=NAME, LAB_CLUSTER="embedded")
    try:
        provider().create()
        for component in NEEDS:
            components.enable(provider(), component)
        return _measure(connect(chapter="11"))
    finally:
        provider().delete()


def _measure(lab: Lab) -> dict[str, Any]:
    with _progress.step("deploy the app"):
        app = ForecastApp.whole(lab, source="simulated")
        app.fetch()
        app.wait_for(*PLACES)
    with _progress.step(f"store {FILES} files"):
        shown = [_until_shown(app) for _ in range(FILES)]
    question = f"{app.address}api/get-forecast"
    with _progress.step(f"{READERS} readers for {SECONDS} s"):
        idle = median(lab.latencies(question, CALLS))
        load = visit(lab.http, question, readers=READERS, every=EVERY, seconds=SECONDS)
    memory = in_use(Node(NAME, 0, 0, 0).cgroup)
    ends = {}
    for part in outages.PARTS:
        with _progress.step(f"kill {part}"):
            ends[part] = outages.kill(lab, app, part, place=MADRID).seconds
    return {
        "figures": {
            "file_to_page_ms": median(shown),
            "file_to_page_slowest_ms": max(shown),
            "idle_ms": idle,
            "readers_p50_ms": load.percentile(50),
            "readers_p95_ms": load.percentile(95),
            "readers_requests": float(load.sent),
            "readers_lost": float(load.lost),
            "cluster_mb": memory,
            **{f"{part.split()[-1].lower()}_whole_again_s": s for part, s in ends.items()},
        },
        "ratios": {"readers_p95_to_idle": load.percentile(95) / idle},
    }


def _until_shown(app: ForecastApp) -> float:
    """Milliseconds from a file's way into the bucket until the page is told of it."""
    began = time.perf_counter()
    wanted = datetime.fromisoformat(app.renew(MADRID))

    def probe() -> float:
        known = {each["aemetid"]: each["update"] for each in app.shown()}
        if datetime.fromisoformat(known[MADRID]) < wanted:
            raise _wait.NotYet(f"it is shown as of {known[MADRID]}")
        return 1000 * (time.perf_counter() - began)

    return _wait.until("the page to be told", probe, timeout=30, interval=0.005)
