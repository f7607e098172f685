"""OpenFaaS beside Knative: one function, the same image, in the same run.

The floor of a call is the function's own pod, asked without anything before it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from statistics import median
from string import Template
from typing import Any

from lab_helpers import Lab, LabError, _progress, components
from lab_helpers._config import settings
from lab_helpers.cluster import provider
from lab_helpers.cluster.embedded.node import Node
from lab_helpers.functions import find
from lab_helpers.openfaas.workflow import OpenFaaS

from . import _wrk

OPENFAAS = "openfaas"
FUNCTION = "hello-python"
NAMESPACE = "default"
ROUNDS = 3
MANY = 32
"""Clients at once for the throughput."""
_OBJECT = Path(__file__).parent / "objects" / "knative-function.yaml"
_CALL = {"a": 1}

Figures = dict[str, float]


def artifacts() -> list[Any]:
    """What has to be built before anything is measured."""
    declared = components.artifacts(components.declaration(OPENFAAS))
    return [*declared, *find(FUNCTION).artifacts, _wrk.artifact()]


def measure(lab: Lab) -> dict[str, Figures]:
    """Measure on a cluster that has Knative Serving.

    Shape: ``{"figures": {name: number}, "ratios": {"gateway_p50", "gateway_rps_32", …}}``.
    """
    enable = _timed(partial(components.enable, provider(), OPENFAAS))
    # The commands that a learner sees are no part of the result.
    with redirect_stdout(sys.stderr):
        faas = lab.openfaas()
        with _progress.step(f"deploy {FUNCTION} {ROUNDS} times, and wake it"):
            deploys = [_deploy(faas) for _ in range(ROUNDS)]
            wakes = [_wake(faas) for _ in range(ROUNDS)]
        image = faas.push(FUNCTION)
        with _progress.step("the same as a Knative Service"):
            knative = [_deploy_on_knative(lab, image) for _ in range(ROUNDS)]
    calls = _calls(lab, faas)
    return {
        "figures": {
            "openfaas_enable_s": enable,
            "openfaas_first_answer_s": median(deploys),
            "knative_first_answer_s": median(knative),
            "openfaas_from_zero_s": median(wakes),
            **{f"{way}_{kind}": value for way, kinds in calls.items()
               for kind, value in kinds.items()},
        },
        "ratios": {
            f"{way}_{ratio}": calls[way][kind] / calls["pod"][kind]
            for way in ("gateway", "knative")
            for ratio, kind in (("p50", "p50_ms"), (f"rps_{MANY}", f"rps_{MANY}"))
        },
    }  # fmt: skip


def _timed(do: Callable[[], object]) -> float:
    began = time.monotonic()
    do()
    return time.monotonic() - began


def _deploy(faas: OpenFaaS) -> float:
    """From a built function, which is not there yet, to its first answer."""
    if FUNCTION in faas.list().names:
        faas.remove(FUNCTION)

    def deploy() -> None:
        faas.push(FUNCTION)
        faas.deploy(FUNCTION)
        faas.invoke(FUNCTION, _CALL).raise_for_status()

    return _timed(deploy)


def _wake(faas: OpenFaaS) -> float:
    faas.scale(FUNCTION, 0)
    return _timed(lambda: faas.invoke(FUNCTION, _CALL).raise_for_status())


def _deploy_on_knative(lab: Lab, image: str) -> float:
    text = Template(_OBJECT.read_text()).substitute(name=FUNCTION, image=image)
    lab.delete("ksvc", FUNCTION, namespace=NAMESPACE)

    def deploy() -> None:
        lab.kubectl("apply", "--namespace", NAMESPACE, "-f", "-", stdin=text)
        lab.wait(f"ksvc/{FUNCTION}", "Ready", namespace=NAMESPACE)
        address = lab.service_url(FUNCTION, namespace=NAMESPACE)
        lab.http.post(address, json=_CALL, timeout=30).raise_for_status()

    return _timed(deploy)


def _calls(lab: Lab, faas: OpenFaaS) -> dict[str, Figures]:
    """How long a call takes and how many there are in a second, by the way that it takes.

    Shape: ``{"pod" | "gateway" | "knative": {"p50_ms", "p95_ms", "rps_32"}}``.
    """
    node = Node.load(settings().name)
    if node is None:
        raise LabError("the benchmark's cluster is gone")
    host = f"{FUNCTION}-{NAMESPACE}.knative.{lab.connection.domain}"
    pod = _wrk.pod_address(lab, faas.namespace, FUNCTION)
    ways = {
        "pod": partial(_wrk.call, node, f"{pod}/"),
        "gateway": partial(
            _wrk.call, node, f"{_wrk.pod_address(lab, 'openfaas', 'gateway')}/function/{FUNCTION}"
        ),
        "knative": partial(
            _wrk.call, node, f"{_wrk.pod_address(lab, 'knative-serving', 'ingress')}/", host=host
        ),
    }
    one: dict[str, list[_wrk.Measured]] = {way: [] for way in ways}
    many: dict[str, list[_wrk.Measured]] = {way: [] for way in ways}
    with _progress.step(f"call it with one client, and with {MANY}"):
        # In turns, so that whatever else the machine does strikes all alike.
        for _ in range(ROUNDS):
            for way, call in ways.items():
                one[way].append(call(clients=1))
                many[way].append(call(clients=MANY))
    return {
        way: {
            "p50_ms": median(each.median_ms for each in one[way]),
            "p95_ms": median(each.p95_ms for each in one[way]),
            f"rps_{MANY}": median(each.rps for each in many[way]),
        }
        for way in ways
    }
