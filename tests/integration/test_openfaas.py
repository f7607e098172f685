"""OpenFaaS's API through its gateway: what the course's provider does, and what it refuses"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from lab_helpers import Lab, LabError

from .functions_api import Api, openfaas, push_probe

NAME = "probe"
ELSEWHERE = "kube-system"


@pytest.fixture(scope="module")
def api(lab: Lab) -> Iterator[Api]:
    with openfaas(lab) as made:
        yield made


@pytest.fixture(scope="module")
def image(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> str:
    return push_probe(lab, tmp_path_factory.mktemp("functions"))


@pytest.fixture(scope="module")
def probe(api: Api, image: str) -> str:
    """A function that is there for all tests that do not change it."""
    api.deploy(NAME, image, labels={"team": "tests"}, annotations={"topic": "a b"},
               envVars={"greeting": "hello", "exec_timeout": "20s"},
               limits={"memory": "100Mi", "cpu": "900m"})  # fmt: skip
    return NAME


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *((method, "functions") for method in ("GET", "POST", "PUT", "DELETE")),
        *((method, "secrets") for method in ("GET", "POST", "PUT", "DELETE")),
        ("GET", "function/probe"), ("POST", "scale-function/probe"), ("GET", "logs"),
        ("GET", "info"), ("GET", "namespaces"), ("POST", "alert"),
    ],
)  # fmt: skip
def test_the_system_is_for_those_who_know_the_password(api: Api, method: str, path: str) -> None:
    for auth in (None, ("admin", "admin"), ("", "")):
        answer = dataclasses.replace(api, auth=auth).ask(method, path, {}, name=NAME)
        assert answer.status_code == httpx.codes.UNAUTHORIZED


def test_the_gateway_says_what_it_is_made_of(api: Api) -> None:
    said = api.done("GET", "info").json()
    assert said["provider"]["orchestration"] == "kubernetes"
    assert said["provider"]["version"]["release"]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no name": ({"service": ""}, "name is missing"),
    "upper case": ({"service": "Probe"}, "DNS-1035"),
    "a long name": ({"service": "a" * 64}, "no more than 63"),
    "a path for a name": ({"service": "../x"}, "DNS-1035"),
    "no image": ({"image": ""}, "image: it is missing"),
    "no image reference": ({"image": "lab/Probe:v 1"}, "invalid reference format"),
    "no amount": ({"limits": {"memory": "much"}}, 'memory: "much" is not an amount'),
    "too little memory": ({"limits": {"memory": "128m"}}, "was Mi meant?"),
    "more than its limit": (
        {"limits": {"memory": "64Mi"}, "requests": {"memory": "65Mi"}}, "more than its limit",
    ),
    "no secret": ({"secrets": ["missing"]}, "there is no secret missing"),
    "no variable": ({"envVars": {"1 x": ""}}, 'envVars: "1 x"'),
    "no label": ({"labels": {"a b": ""}}, 'labels: "a b"'),
    "few replicas": ({"labels": {"com.openfaas.scale.min": "few"}}, "is not a number"),
    "no annotation": ({"annotations": {"a b": ""}}, 'annotations: "a b"'),
    "no constraint": ({"constraints": ["amd64"]}, 'constraints: "amd64"'),
    "a namespace of others": ({"namespace": ELSEWHERE}, "lacks the annotation"),
    "no namespace": ({"namespace": "missing"}, "lacks the annotation"),
    "not of the type": ({"envVars": ["a=b"]}, "not the JSON that is expected"),
}  # fmt: skip


@pytest.mark.parametrize("wrong", REFUSED.values(), ids=REFUSED.keys())
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_what_cannot_be_deployed_is_refused_with_a_reason(
    api: Api, image: str, method: str, wrong: tuple[dict[str, Any], str]
) -> None:
    change, reason = wrong
    before = set(api.names())
    asked = {"service": "refused", "image": image, "namespace": api.namespace} | change
    answer = api.ask(method, "functions", asked)
    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert reason in answer.text
    assert set(api.names()) == before
    assert not api.lab.get("service", namespace=api.namespace, selector="faas_function=refused")[
        "items"
    ]


def test_what_is_not_there_is_not_found(api: Api, image: str, probe: str) -> None:
    unknown = {"service": "unknown", "image": image, "namespace": api.namespace}
    for method, path, body in (
        ("PUT", "functions", unknown),
        ("DELETE", "functions", {"functionName": "unknown"}),
        ("GET", "function/unknown", None),
        ("POST", "scale-function/unknown", {"serviceName": "unknown", "replicas": 2}),
        ("PUT", "secrets", {"name": "unknown", "value": "x"}),
        ("DELETE", "secrets", {"name": "unknown"}),
    ):
        answer = api.ask(method, path, body)
        assert answer.status_code == httpx.codes.NOT_FOUND, f"{method} {path}"
        assert "unknown" in answer.text
    assert api.call("unknown").status_code == httpx.codes.NOT_FOUND
    assert api.call(probe, method="BREW").status_code == httpx.codes.METHOD_NOT_ALLOWED


def test_what_is_there_is_not_made_again(api: Api, image: str, probe: str) -> None:
    again = {"service": probe, "image": image, "namespace": api.namespace}
    answer = api.ask("POST", "functions", again)
    assert answer.status_code == httpx.codes.CONFLICT
    assert "update it with PUT" in answer.text


def test_objects_of_others_are_left_alone(api: Api, image: str) -> None:
    lab, namespace = api.lab, api.namespace
    lab.kubectl("create", "service", "clusterip", "taken", "--tcp=80", "--namespace", namespace)
    lab.kubectl("create", "secret", "generic", "others", "--from-literal=a=b", "-n", namespace)
    taken = {"service": "taken", "image": image, "namespace": namespace}
    for answer in (
        api.ask("POST", "functions", taken),
        api.ask("POST", "secrets", {"name": "others", "value": "x"}),
    ):
        assert answer.status_code == httpx.codes.CONFLICT
    for method in ("PUT", "DELETE"):
        answer = api.ask(method, "secrets", {"name": "others", "value": "x"})
        assert answer.status_code == httpx.codes.NOT_FOUND
    answer = api.ask("POST", "functions", taken | {"service": "other", "secrets": ["others"]})
    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert lab.get("service", "taken", namespace=namespace)["spec"]["ports"][0]["port"] == 80
    assert lab.get("secret", "others", namespace=namespace)["data"] == {"a": "Yg=="}


def test_a_function_is_described_as_it_was_deployed(api: Api, image: str, probe: str) -> None:
    said = api.status(probe)
    (listed,) = (each for each in api.done("GET", "functions").json() if each["name"] == probe)
    listed.pop("invocationCount", None)  # the gateway adds what Prometheus has counted
    assert said == listed
    made = datetime.fromisoformat(said.pop("createdAt"))
    assert datetime.now(UTC) - made < timedelta(hours=1)
    assert said == {
        "name": probe, "image": image, "namespace": api.namespace,
        "envVars": {"greeting": "hello", "exec_timeout": "20s"},
        "labels": {"team": "tests", "faas_function": probe}, "annotations": {"topic": "a b"},
        "limits": {"memory": "100Mi", "cpu": "900m"}, "requests": {"memory": "32Mi", "cpu": "10m"},
        "readOnlyRootFilesystem": True, "replicas": 1, "availableReplicas": 1,
    }  # fmt: skip


def test_pods_may_do_little(api: Api, probe: str) -> None:
    """The namespace demands most of it: Kubernetes makes no pods there that may do more."""
    (pod,) = api.lab.pods(api.namespace, f"faas_function={probe}")
    spec, container = pod["spec"], pod["spec"]["containers"][0]
    assert spec["automountServiceAccountToken"] is False
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["resources"]["limits"]["memory"] == "100Mi"
    environment = api.call(probe).json()["environment"]
    assert environment["greeting"] == "hello"
    assert not [name for name in environment if name.endswith("_SERVICE_HOST")
                and not name.startswith("KUBERNETES")]  # fmt: skip


def test_a_secret_becomes_a_file_and_is_shown_to_nobody(api: Api, image: str) -> None:
    secret = {"name": "api-key", "value": "s3cret", "namespace": api.namespace}
    assert api.ask("POST", "secrets", secret).status_code == httpx.codes.ACCEPTED
    assert api.ask("POST", "secrets", secret).status_code == httpx.codes.CONFLICT
    api.deploy("keeper", image, secrets=["api-key"])
    kept = api.call("keeper", "?read=/var/openfaas/secrets/api-key")
    assert (kept.status_code, kept.text) == (200, "s3cret")
    listed = api.done("GET", "secrets")
    assert listed.json() == [{"name": "api-key", "namespace": api.namespace}]
    assert api.status("keeper")["secrets"] == ["api-key"]
    assert "s3cret" not in listed.text + json.dumps(api.status("keeper"))

    changed = secret | {"value": "n3w", "rawValue": ""}
    assert api.ask("PUT", "secrets", changed).status_code == httpx.codes.ACCEPTED
    api.deploy("keeper", image, method="PUT", secrets=["api-key"])
    assert api.call("keeper", "?read=/var/openfaas/secrets/api-key").text == "n3w"
    api.done("DELETE", "functions", {"functionName": "keeper"})
    assert api.ask("DELETE", "secrets", secret).status_code == httpx.codes.ACCEPTED
    assert api.done("GET", "secrets").json() == []


def test_namespaces_are_those_that_ask_for_it(api: Api, namespace: str) -> None:
    listed = api.done("GET", "namespaces").json()
    assert {"openfaas-fn", api.namespace} <= set(listed)
    assert not {ELSEWHERE, namespace} & set(listed)
    api.lab.kubectl("annotate", "namespace", namespace, "openfaas=1")
    api.lab.wait_until(
        "the namespace to be known", lambda: namespace in api.done("GET", "namespaces").json()
    )
    # Nobody has let the provider in: that is said, and does not disturb the others.
    answer = dataclasses.replace(api, namespace=namespace).ask("GET", "functions")
    assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert "RoleBinding" in answer.text
    assert api.ask("GET", "functions").is_success


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("no-image", {"image": "localhost:32000/lab/missing:v1"}, "ImagePull"),
        ("no-memory", {"limits": {"memory": "8Mi"}}, "exit code"),
        ("no-node", {"constraints": ["disk=fast"]}, "Unschedulable"),
    ],
)
def test_status_says_why_pods_do_not_start(
    api: Api, image: str, name: str, change: dict[str, Any], reason: str
) -> None:
    asked = {"service": name, "image": image, "namespace": api.namespace} | change
    api.done("POST", "functions", asked)
    api.lab.wait_until(
        f"{reason} in the status of {name}", lambda: reason in api.status(name).get("problem", "")
    )
    assert "availableReplicas" not in api.status(name)
    api.done("DELETE", "functions", {"functionName": name})


def lines(answer: httpx.Response) -> Iterator[dict[str, Any]]:
    return (json.loads(line) for line in answer.iter_lines() if line)


def test_what_a_function_prints_is_read_back(api: Api, probe: str) -> None:
    for word in ("one", "two", "three"):
        api.call(probe, f"?print={word}")
    said = list(lines(api.done("GET", "logs", name=probe, tail=20)))
    words = [each["text"] for each in said if each["text"] in ("one", "two", "three")]
    assert words == ["one", "two", "three"]
    (pod,) = api.lab.ready_pods(api.namespace, f"faas_function={probe}")
    assert {(each["name"], each["namespace"], each["instance"]) for each in said} == {
        (probe, api.namespace, pod)
    }
    assert len(list(lines(api.done("GET", "logs", name=probe, tail=1)))) == 1
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert not list(lines(api.done("GET", "logs", name=probe, since=later)))
    assert not list(lines(api.done("GET", "logs", name=probe, instance="another")))


def test_logs_are_followed(api: Api, probe: str) -> None:
    query = {"namespace": api.namespace, "name": probe, "follow": "true", "tail": 1}
    with (
        api.lab.http.stream("GET", f"{api.address}/system/logs", params=query, auth=api.auth)
        as stream,
        ThreadPoolExecutor() as pool,
    ):  # fmt: skip
        came = lines(stream)
        next(came)
        pool.submit(api.call, probe, "?print=followed")
        assert "followed" in {next(came)["text"], next(came)["text"]}


def test_a_function_that_is_removed_leaves_nothing(api: Api, image: str) -> None:
    api.deploy("short", image)
    api.done("DELETE", "functions", {"functionName": "short"})
    assert "short" not in api.names()
    assert api.call("short").status_code == httpx.codes.NOT_FOUND
    with pytest.raises(LabError, match="NotFound"):
        api.lab.get("service", "short", namespace=api.namespace)
    # The name is free at once, whatever is left of its pods.
    api.deploy("short", image)
    assert api.call("short").is_success
    api.done("DELETE", "functions", {"functionName": "short"})
    api.lab.wait_until(
        "its pods to be gone",
        lambda: (
            not api.lab.get("pods", namespace=api.namespace, selector="faas_function=short")[
                "items"
            ]
        ),
    )
