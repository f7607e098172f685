"""The whole course, chapter by chapter on one cluster: how long each takes, and in what memory."""

from __future__ import annotations

import time
from typing import Any

from lab_helpers import builds, course
from lab_helpers._config import export
from lab_helpers._exceptions import LabError
from lab_helpers.cluster import Connection, provider
from lab_helpers.cluster.embedded.node import Node

from ._memory import Watched

NAME = "bench"


def measure() -> dict[str, Any]:
    """Measure on a cluster of its own, which is gone afterwards; what is built is built before.

    Shape: ``{"figures": {name: number}, "ratios": {name: number}}``. Seconds of each chapter, and
    the most megabytes that the cluster had in use meanwhile, all that earlier chapters have
    enabled included. The ratios are to chapter 01, and of the whole to the sum of its chapters.

    :raises LabError: a chapter did not pass.
    """
    builds.build_course()
    export(LAB_NAME=NAME, LAB_CLUSTER="embedded")
    began = time.monotonic()
    figures: dict[str, float] = {}
    try:
        connection = provider().create()
        figures["cluster_s"] = time.monotonic() - began
        for chapter in course.chapters():
            figures |= _measured(chapter, connection)
    finally:
        provider().delete()
    figures["course_s"] = time.monotonic() - began
    took = {n: s for n, s in figures.items() if n.startswith("chapter_") and n.endswith("_s")}
    first = took["chapter_01_s"]
    return {
        "figures": figures,
        "ratios": {
            **{f"{name[:-2]}_to_01": value / first for name, value in took.items()},
            "course_to_chapters": figures["course_s"] / sum(took.values()),
        },
    }


def _measured(chapter: course.Chapter, connection: Connection) -> dict[str, float]:
    with Watched(Node(NAME, 0, 0, 0).cgroup) as memory:
        (result,) = course.run([chapter], connection)
    if not result.passed:
        raise LabError(f"chapter {chapter.number} did not pass", seen=str(result.error))
    name = f"chapter_{chapter.number}"
    return {f"{name}_s": result.seconds, f"{name}_mb": memory.most}
