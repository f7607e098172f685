"""The registry takes, lists and deletes images, and the kubelet pulls from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from lab_helpers import Lab
from lab_helpers.images import CATALOGUE, REGISTRY, push

from .support import serve

PODINFO = CATALOGUE["podinfo"]
MANIFEST = {"Accept": "application/vnd.oci.image.manifest.v1+json"}


@pytest.fixture
def registry(lab: Lab) -> Iterator[httpx.Client]:
    base = f"http://{lab.connection.registry_address}/v2"
    with httpx.Client(base_url=base, timeout=10, trust_env=False) as client:
        yield client


def push_as(lab: Lab, name: str, tag: str) -> str:
    """Push podinfo under another name."""
    reference = f"{REGISTRY}/{name}:{tag}"
    push(reference, PODINFO.archive, address=lab.connection.registry_address)
    return reference


def test_a_pushed_image_is_listed_with_its_tags(lab: Lab, registry: httpx.Client) -> None:
    lab.push_image("podinfo")
    tags = registry.get("/lab/podinfo/tags/list").json()
    assert PODINFO.source.version in tags["tags"]
    assert "lab/podinfo" in registry.get("/_catalog").json()["repositories"]


def test_an_image_is_deleted_by_its_digest(
    lab: Lab, namespace: str, registry: httpx.Client
) -> None:
    push_as(lab, namespace, "v1")
    found = registry.head(f"/{namespace}/manifests/v1", headers=MANIFEST)
    digest = found.headers["docker-content-digest"]
    gone = registry.delete(f"/{namespace}/manifests/{digest}")
    assert gone.status_code == httpx.codes.ACCEPTED
    again = registry.head(f"/{namespace}/manifests/v1", headers=MANIFEST)
    assert again.status_code == httpx.codes.NOT_FOUND


def test_the_kubelet_pulls_an_image_that_was_just_pushed(lab: Lab, namespace: str) -> None:
    reference = push_as(lab, namespace, "v1")
    serve(lab, namespace)
    lab.kubectl("set", "image", "deployment/web", f"podinfo={reference}", "-n", namespace)
    lab.kubectl("rollout", "status", "deployment/web", "-n", namespace, "--timeout=60s")
    assert f'Successfully pulled image "{reference}"' in lab.events(namespace, lines=100)


def test_a_missing_tag_is_said_clearly(lab: Lab, namespace: str) -> None:
    missing = f"{REGISTRY}/lab/podinfo:no-such-tag"
    lab.kubectl("create", "deployment", "lost", f"--image={missing}", "-n", namespace)
    lab.wait_until("the kubelet to give up", lambda: waiting(lab.pods(namespace)))
    assert waiting(lab.pods(namespace)) <= {"ErrImagePull", "ImagePullBackOff"}
    events = lab.events(namespace, lines=100)
    assert f'Failed to pull image "{missing}"' in events
    assert "not found" in events


def waiting(pods: list[dict[str, Any]]) -> set[str]:
    """Why containers do not run yet, the ordinary reason left out."""
    containers = [c for pod in pods for c in pod["status"].get("containerStatuses", [])]
    reasons = {c["state"].get("waiting", {}).get("reason", "") for c in containers}
    return reasons - {"", "ContainerCreating"}
