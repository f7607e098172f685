"""What a function platform costs: to have it, to deploy on it, to wake a function, to call one.

For Knative alone, the floor of a call is the same program behind a plain Ingress; that of a cold
start is a plain Deployment scaled from no pod to one, until its page answers. Knative and OpenFaaS
side by side have a function in Python, whose own pod is the floor.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from string import Template
from typing import Any

import httpx

from lab_helpers import Lab, _progress, builds, components, connect
from lab_helpers._config import export
from lab_helpers.cluster import provider

from . import _openfaas

NAME = "bench"
KNATIVE = "knative-serving"
ROUNDS = 5
CALLS = 300
NAMESPACE = "default"
OBJECTS = Path(__file__).parent / "objects"


def measure() -> dict[str, Any]:
    """Measure on a cluster of its own, which is gone afterwards; what is built is built before.

    Shape: ``{"figures": {name: number}, "ratios": {"warm_to_plain", "cold_to_pod_start",
    "gateway_p50", "gateway_rps_32", "knative_p50", "knative_rps_32"}}``.
    """
    builds.build_foundation()
    builds.ensure(components.artifacts(components.declaration(KNATIVE)))
    builds.ensure(_openfaas.artifacts())
    export(LAB_NAME=NAME, LAB_CLUSTER="embedded")
    try:
        provider().create()
        return _measure(connect())
    finally:
        provider().delete()


def _measure(lab: Lab) -> dict[str, Any]:
    image = lab.push_image("podinfo")
    enable = _timed(partial(components.enable, provider(), KNATIVE))
    with _progress.step(f"make {ROUNDS} services"):
        ready = [_timed(partial(_deploy, lab, f"page-{n}", image)) for n in range(ROUNDS)]
    address = lab.service_url("page-0", namespace=NAMESPACE)
    _apply(lab, "plain", image=image, domain=lab.connection.domain)
    plain = lab.wait_for_page("plain", "/healthz")
    with _progress.step("wake a service, and start a plain pod"):
        cold = [_cold_start(lab, address) for _ in range(ROUNDS)]
        pods = [_pod_start(lab, plain) for _ in range(ROUNDS)]
    with _progress.step(f"call each {CALLS} times"):
        warm_ms = lab.latencies(f"{address}healthz", CALLS)
        plain_ms = lab.latencies(plain, CALLS)
    beside = _openfaas.measure(lab)
    disable = _timed(partial(components.disable, provider(), KNATIVE))
    return {
        "figures": {
            "enable_s": enable,
            "disable_s": disable,
            "first_service_ready_s": ready[0],
            "service_ready_s": median(ready),
            "cold_start_s": median(cold),
            "pod_start_s": median(pods),
            "warm_ms": median(warm_ms),
            "warm_p95_ms": _p95(warm_ms),
            "plain_ms": median(plain_ms),
            "plain_p95_ms": _p95(plain_ms),
            **beside["figures"],
        },
        "ratios": {
            "warm_to_plain": median(warm_ms) / median(plain_ms),
            "cold_to_pod_start": median(cold) / median(pods),
            **beside["ratios"],
        },
    }


def _timed(do: Callable[[], object]) -> float:
    began = time.monotonic()
    do()
    return time.monotonic() - began


def _p95(values: list[float]) -> float:
    return quantiles(values, n=20)[-1]


def _apply(lab: Lab, objects: str, **values: object) -> None:
    text = Template((OBJECTS / f"{objects}.yaml").read_text()).substitute(values)
    lab.kubectl("apply", "--namespace", NAMESPACE, "-f", "-", stdin=text)


def _deploy(lab: Lab, name: str, image: str) -> None:
    _apply(lab, "knative-service", name=name, image=image, message="", min_scale=0)
    lab.wait(f"ksvc/{name}", "Ready", namespace=NAMESPACE)


def _cold_start(lab: Lab, address: str) -> float:
    service = "serving.knative.dev/service=page-0"
    lab.wait_until("no pods", lambda: not lab.pods(NAMESPACE, service), timeout=120)
    return _timed(lambda: lab.http.get(address, timeout=30).raise_for_status())


def _pod_start(lab: Lab, page: str) -> float:
    _scale(lab, 0)
    lab.wait_until("no pods", lambda: not lab.pods(NAMESPACE, "app=plain"))
    lab.wait_until("nothing to answer", lambda: lab.http.get(page).status_code != httpx.codes.OK)

    def start() -> None:
        _scale(lab, 1)
        lab.wait_for_page("plain", "/healthz")

    return _timed(start)


def _scale(lab: Lab, replicas: int) -> None:
    lab.kubectl("scale", "deployment/plain", f"--replicas={replicas}", "--namespace", NAMESPACE)
