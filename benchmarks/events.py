"""From an event to the function that it starts: how long it takes, and how many pass in a second.

Each way has a module of its own, which enables what it needs and measures its floor in the same
run: the same event sent straight to the program that gets it.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from lab_helpers import builds, connect
from lab_helpers._config import export
from lab_helpers.cluster import provider

from . import _argo, _broker, _minio_events, _nats

NAME = "bench"
WAYS: tuple[ModuleType, ...] = (_broker, _nats, _minio_events, _argo)
"""In the order of the chapters. Of each: ``artifacts()`` and ``measure(lab)``, as here."""


def measure() -> dict[str, Any]:
    """Measure on a cluster of its own, which is gone afterwards; what is built is built before.

    Shape: ``{"figures": {name: number}, "ratios": {name: number}}``, each name with the way that
    it is about, and a figure's with its unit.
    """
    builds.build_foundation()
    for way in WAYS:
        builds.ensure(way.artifacts())
    export(LAB_NAME=NAME, LAB_CLUSTER="embedded")
    measured: dict[str, Any] = {"figures": {}, "ratios": {}}
    try:
        provider().create()
        lab = connect()
        for way in WAYS:
            for kind, values in way.measure(lab).items():
                measured[kind].update(values)
    finally:
        provider().delete()
    return measured
