"""Pods find Services by name, themselves included, and nothing outside the cluster."""

from __future__ import annotations

import time

from lab_helpers import Lab

from .support import post, serve


def served_by(answer: list[str]) -> str:
    """The pod that answered podinfo's /env to another podinfo."""
    (environment,) = answer
    hostname = next(line for line in environment.split(",") if "HOSTNAME=" in line)
    return hostname.strip(' []"\n').removeprefix("HOSTNAME=")


def test_a_pod_finds_a_service_by_its_name(lab: Lab, namespace: str) -> None:
    serve(lab, namespace, "web")
    for number, name in enumerate(
        ("web", f"web.{namespace}", f"web.{namespace}.svc.cluster.local")
    ):
        caller = f"caller-{number}"
        serve(lab, namespace, caller, backend=f"http://{name}/env", page=f"{namespace}-{number}")
        answer = post(lab, f"{namespace}-{number}", "/echo")
        assert served_by(answer) in lab.ready_pods(namespace, "app=web")


def test_a_pod_reaches_itself_through_its_own_service(lab: Lab, namespace: str) -> None:
    serve(lab, namespace, backend="http://web/env", page=namespace)
    (own,) = lab.ready_pods(namespace)
    assert served_by(post(lab, namespace, "/echo")) == own


def test_a_service_spreads_calls_over_its_pods(lab: Lab, namespace: str) -> None:
    serve(lab, namespace, "web", replicas=2)
    # A caller keeps its connection, so it is the callers that are spread: many short ones.
    serve(lab, namespace, "caller", backend=",".join(["http://web/env"] * 16), page=namespace)
    answers = post(lab, namespace, "/echo")
    assert {served_by([answer]) for answer in answers} == set(lab.ready_pods(namespace, "app=web"))


def test_a_name_outside_fails_at_once(lab: Lab, namespace: str) -> None:
    serve(lab, namespace, backend="http://example.com/", page=namespace)
    began = time.monotonic()
    (answer,) = post(lab, namespace, "/echo")
    assert "lookup example.com on 10.152.183.10:53: no such host" in answer
    assert time.monotonic() - began < 1


def test_an_address_outside_fails_at_once(lab: Lab, namespace: str) -> None:
    serve(lab, namespace, backend="http://198.51.100.1/", page=namespace)
    began = time.monotonic()
    (answer,) = post(lab, namespace, "/echo")
    assert "network is unreachable" in answer or "no route to host" in answer
    assert time.monotonic() - began < 1
