"""Chapter 02: a revision's own address, half and half, a pod that stays."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .._exceptions import CommandError, Hint, UnderWay, WaitTimeout
from ..checks import Exercise

if TYPE_CHECKING:
    from .._lab import Lab
    from .._reader import Object

NAMESPACE = "serving-example"
SERVICE = "knative-rest"
V1, V2 = f"{SERVICE}-v1", f"{SERVICE}-v2"
TAG = "preview"


def _service(lab: Lab) -> Object:
    where = lab.name(NAMESPACE)
    try:
        return lab.get("ksvc", SERVICE, namespace=where)
    except CommandError as missing:
        raise Hint(
            f"there is no Knative Service {SERVICE} in the namespace {where}; "
            "run the cells above first"
        ) from missing


def _settled(lab: Lab) -> Object:
    """The Service, once what it says of its traffic is what it was asked for."""
    where = lab.name(NAMESPACE)
    try:
        lab.wait(f"ksvc/{SERVICE}", "Ready", namespace=where, timeout=60)
    except WaitTimeout as late:
        raise Hint(f"the Service does not become ready: {late.last}") from late
    return _service(lab)


def _traffic(service: Object, part: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = service.get(part, {}).get("traffic") or []
    return found


def _judge_tag(lab: Lab) -> str:
    tagged = {each["tag"]: each for each in _traffic(_service(lab), "spec") if "tag" in each}
    if TAG not in tagged:
        others = f" (there is {', '.join(tagged)})" if tagged else ""
        raise Hint(f"no entry under spec.traffic has the tag {TAG!r}{others}")
    wanted = tagged[TAG].get("revisionName", "the latest revision")
    if wanted != V2:
        raise Hint(f"the tag {TAG} leads to {wanted}, not to {V2}")
    found = {each.get("tag"): each for each in _traffic(_settled(lab), "status")}
    address = lab.with_port(found[TAG]["url"], "/users")
    answer = lab.http.get(address, timeout=60)
    who = answer.headers.get("x-revision")
    if who != V2:
        raise UnderWay(f"{address} answers {answer.status_code}, from revision {who}")
    return f"{address} is answered by {who}"


def _judge_half(lab: Lab) -> str:
    asked = {
        each.get("revisionName", "latest"): each.get("percent", 0)
        for each in _traffic(_service(lab), "spec")
        if each.get("percent")
    }
    if asked != {V1: 50, V2: 50}:
        said = ", ".join(f"{share} % to {name}" for name, share in asked.items())
        raise Hint(f"spec.traffic sends {said or 'nothing anywhere'}; it should be 50 % to each")
    _settled(lab)
    url = lab.service_url(SERVICE, "/users", namespace=lab.name(NAMESPACE))
    counts = lab.count_answers(url, 100, header="x-revision")
    share = counts.get(V2, 0)
    if not 40 <= share <= 60:
        raise UnderWay(f"of 100 requests {share} went to {V2}")
    return f"of 100 requests {share} went to {V2}"


def _judge_warm(lab: Lab) -> str:
    annotations = _service(lab)["spec"]["template"]["metadata"].get("annotations", {})
    least = annotations.get("autoscaling.knative.dev/min-scale")
    if least is None:
        raise Hint(
            "the template has no annotation autoscaling.knative.dev/min-scale; it belongs to "
            "spec.template.metadata.annotations, not to the Service's own metadata"
        )
    if least != "1":
        raise Hint(f"autoscaling.knative.dev/min-scale is {least!r}, not '1'")
    where = lab.name(NAMESPACE)
    latest = _settled(lab)["status"]["latestReadyRevisionName"]
    ready = lab.ready_pods(where, f"serving.knative.dev/revision={latest}")
    if not ready:
        raise UnderWay(f"the latest ready revision, {latest}, has no ready pod yet")
    return f"{latest} keeps {ready[0]}"


def _patch(spec: dict[str, Any]) -> str:
    braces_doubled = json.dumps({"spec": spec}).replace("{", "{{").replace("}", "}}")
    return f"patch ksvc {SERVICE} --type=merge -n {{namespace}} -p '{braces_doubled}'"


EXERCISES = (
    Exercise(
        "02/tag",
        f"the second revision has an address of its own, tagged {TAG}",
        _judge_tag,
        (
            _patch(
                {
                    "traffic": [
                        {"revisionName": V1, "percent": 80},
                        {"revisionName": V2, "percent": 20, "tag": TAG},
                    ]
                }
            ),
        ),
        NAMESPACE,
    ),
    Exercise(
        "02/half",
        "each revision gets half of the requests",
        _judge_half,
        (
            _patch(
                {
                    "traffic": [
                        {"revisionName": V1, "percent": 50},
                        {"revisionName": V2, "percent": 50},
                    ]
                }
            ),
        ),
        NAMESPACE,
    ),
    Exercise(
        "02/warm",
        "the newest revision keeps a pod when nobody asks",
        _judge_warm,
        (
            _patch(
                {
                    "template": {
                        "metadata": {
                            "name": f"{SERVICE}-v3",
                            "annotations": {"autoscaling.knative.dev/min-scale": "1"},
                        }
                    }
                }
            ),
        ),
        NAMESPACE,
    ),
)
