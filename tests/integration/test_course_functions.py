"""The course's functions in their images, behind OpenFaaS's gateway"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from lab_helpers import Lab, functions
from lab_helpers.openfaas.workflow import OpenFaaS

from .support import command
from .test_learners import close

MEGABYTE = 1_048_576
DEPLOYED = [
    name
    for name, each in functions.all_functions().items()
    if each.deployment and not each.deployment.secrets
]
"""Those that need no system besides OpenFaaS; the others are tested with theirs."""
HELLO = ["hello-node", "hello-python"]


@pytest.fixture(scope="module")
def faas(lab: Lab) -> Iterator[OpenFaaS]:
    """Of a learner that nobody else is, and nothing of them afterwards."""
    command("enable", "openfaas", timeout=300)
    learner = Lab(lab.connection, chapter="78", learner=f"ida{secrets.token_hex(3)}")
    yield learner.openfaas()
    lab.delete("namespace", learner.openfaas().namespace)
    close(learner)


@pytest.fixture(scope="module", params=DEPLOYED)
def deployed(faas: OpenFaaS, request: pytest.FixtureRequest) -> str:
    name: str = request.param
    faas.up(name)
    return name


def test_it_serves_with_nothing_but_its_memory_limit(
    lab: Lab, faas: OpenFaaS, deployed: str
) -> None:
    assert faas.invoke(deployed, {}).status_code < 500
    selected = lab.get("pods", namespace=faas.namespace, selector=f"faas_function={deployed}")
    for pod in selected["items"]:
        (container,) = pod["spec"]["containers"]
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert container["resources"]["limits"]["memory"]
        assert pod["status"]["containerStatuses"][0]["restartCount"] == 0


@pytest.mark.parametrize("name", HELLO)
def test_hello_says_what_it_received(faas: OpenFaaS, name: str) -> None:
    faas.up(name)
    status = faas.invoke(name, {"name": "Ada"}).json()["status"]
    assert status.replace(" ", "") == 'Receivedinput:{"name":"Ada"}'
    refused = faas.invoke(name, "not JSON")
    assert refused.status_code == 400
    assert set(refused.json()) == {"error"}


def test_java_greets(faas: OpenFaaS) -> None:
    faas.up("hello-java")
    assert faas.invoke("hello-java").text == "Hello, world!"


def test_a_hundred_megabytes_pass_through_a_pod_that_has_128(
    lab: Lab, faas: OpenFaaS, tmp_path: Path
) -> None:
    faas.up("upload-file")
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(100 * MEGABYTE - 1000)
    for _ in range(3):
        with large.open("rb") as file:
            answer = faas.invoke("upload-file", files={"file": ("large", file)})
        (described,) = answer.json()["files"]
        assert described["size"] == 100 * MEGABYTE - 1000
    assert described["sha256"] == sha256(bytes(100 * MEGABYTE - 1000)).hexdigest()
    pods = lab.get("pods", namespace=faas.namespace, selector="faas_function=upload-file")["items"]
    assert [pod["status"]["containerStatuses"][0]["restartCount"] for pod in pods] == [0]


def test_more_is_refused_before_all_of_it_was_sent(faas: OpenFaaS, tmp_path: Path) -> None:
    faas.up("upload-file")
    huge = tmp_path / "huge"
    with huge.open("wb") as file:
        file.truncate(200 * MEGABYTE)
    with huge.open("rb") as file:
        answer = faas.invoke("upload-file", files={"file": ("huge", file)})
    assert (answer.status_code, answer.json()) == (413, {"error": "Request Entity Too Large"})
