"""The control plane is the pinned Kubernetes, healthy, and grants nothing it was not told to."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import yaml

from lab_helpers import CommandError, Lab
from lab_helpers.programs import CATALOGUE

from .support import apply

VERSION = CATALOGUE["kubernetes"].version
FORBIDDEN = httpx.codes.FORBIDDEN


@pytest.fixture
def api(lab: Lab) -> Iterator[httpx.Client]:
    """A client of the API that trusts it and brings no identity of its own."""
    cluster = yaml.safe_load(lab.connection.kubeconfig.read_text())["clusters"][0]["cluster"]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    trust = ssl.create_default_context(cadata=authority)
    base = cluster["server"]
    with httpx.Client(base_url=base, verify=trust, timeout=10, trust_env=False) as client:
        yield client


def node_name(lab: Lab) -> str:
    name: str = lab.get("nodes")["items"][0]["metadata"]["name"]
    return name


def test_the_kubelet_and_the_api_server_are_of_the_pinned_version(lab: Lab) -> None:
    versions = json.loads(lab.kubectl("version", "-o", "json"))
    node: dict[str, Any] = lab.get("nodes")["items"][0]["status"]["nodeInfo"]
    assert VERSION == "v1.37.2"
    assert versions["serverVersion"]["gitVersion"] == VERSION
    assert versions["clientVersion"]["gitVersion"] == VERSION
    assert node["kubeletVersion"] == VERSION


def test_every_part_of_the_api_server_says_it_is_ready(lab: Lab) -> None:
    parts = lab.kubectl("get", "--raw", "/readyz?verbose").splitlines()
    assert parts[-1] == "readyz check passed"
    assert len(parts) > 20
    assert [part for part in parts[:-1] if not part.endswith(" ok")] == []


def test_a_service_account_without_rights_is_refused(
    lab: Lab, namespace: str, api: httpx.Client
) -> None:
    apply(lab, namespace, "rights")
    token = lab.kubectl("create", "token", "nobody", "--namespace", namespace).strip()
    headers = {"Authorization": f"Bearer {token}"}
    own = api.get(f"/api/v1/namespaces/{namespace}/secrets", headers=headers)
    assert own.status_code == FORBIDDEN
    assert f"system:serviceaccount:{namespace}:nobody" in own.json()["message"]
    assert api.get("/api/v1/nodes", headers=headers).status_code == FORBIDDEN


def test_nobody_in_particular_is_refused(api: httpx.Client) -> None:
    answer = api.get("/api/v1/namespaces")
    assert answer.status_code == FORBIDDEN
    assert "system:anonymous" in answer.json()["message"]
    false = api.get("/api/v1/namespaces", headers={"Authorization": "Bearer made-up"})
    assert false.status_code == httpx.codes.UNAUTHORIZED


def test_the_kubelet_refuses_who_brings_no_certificate(lab: Lab) -> None:
    addresses = lab.get("nodes")["items"][0]["status"]["addresses"]
    address = next(a["address"] for a in addresses if a["type"] == "InternalIP")
    # Its certificate is not the question here.
    with httpx.Client(verify=False, trust_env=False, timeout=10) as client:  # noqa: S501
        answer = client.get(f"https://{address}:10250/pods")
    assert answer.status_code == httpx.codes.UNAUTHORIZED


def test_a_node_reads_only_the_secrets_of_its_own_pods(lab: Lab, namespace: str) -> None:
    apply(lab, namespace, "rights")
    lab.wait_until("the pod to have a node", lambda: has_node(lab, namespace))
    node = node_name(lab)
    assert as_node(lab, node, "get", "secret", "used", "--namespace", namespace)
    for refused in (
        ("get", "secret", "unused", "--namespace", namespace),
        ("get", "secrets", "--namespace", namespace),
        ("get", "secrets", "--all-namespaces"),
        ("label", "node", node, "node-restriction.kubernetes.io/zone=mine"),
    ):
        with pytest.raises(CommandError, match="orbidden"):
            as_node(lab, node, *refused)
    with pytest.raises(CommandError, match="orbidden"):
        as_node(lab, "another", "get", "secret", "used", "--namespace", namespace)


def has_node(lab: Lab, namespace: str) -> bool:
    return any("nodeName" in pod["spec"] for pod in lab.pods(namespace))


def as_node(lab: Lab, name: str, *arguments: str) -> str:
    return lab.kubectl(*arguments, f"--as=system:node:{name}", "--as-group=system:nodes")
