"""Every container is pinned, bounded and restricted, or says why it may not be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from lab_helpers import components, functions
from lab_helpers.components import _parts
from lab_helpers.images import CATALOGUE, REGISTRY

Objects = list[dict[str, Any]]

BUILT = {image.reference for image in CATALOGUE.values()} | {
    _parts.image(component, each).reference
    for component in map(components.declaration, components.names())
    for each in component.images
    if not each.pulled
}
PULLED = {
    _parts.upstream_reference(component, each)
    for component in map(components.declaration, components.names())
    for each in component.images
    if each.pulled
}
"""What nobody can build from the registries of packages. Clusters that cannot pull do without."""
FROM_SOURCE = re.compile(rf"{REGISTRY}/lab/({'|'.join(functions.all_functions())}):v\d+")
"""Functions, which the learner builds and pushes, a tag for each version."""
BROKEN_ON_PURPOSE = {
    "Deployment/patient": "the learner finds out that the registry has no such tag",
}
MAY_BE_ROOT = {
    "Deployment/hostpath-provisioner": "folders of volumes belong to whichever user a pod runs as",
}
MAY_USE_THE_HOST = {
    "DaemonSet/traefik": "holds the host's ports, as microk8s' ingress does",
    "Deployment/hostpath-provisioner": "makes the folders of volumes on the node",
}


def workloads(objects: Objects) -> Iterator[tuple[str, dict[str, Any]]]:
    """What runs pods, by kind and name, with the pods' specification."""
    for each in objects:
        spec = each.get("spec", {})
        if each["kind"] == "CronJob":
            spec = spec["jobTemplate"]["spec"]
        pod = spec if each["kind"] == "Pod" else spec.get("template", {}).get("spec")
        if pod:
            yield f"{each['kind']}/{each['metadata']['name']}", pod


def containers(objects: Objects) -> Iterator[tuple[str, dict[str, Any]]]:
    for owner, pod in workloads(objects):
        for container in (*pod.get("initContainers", []), *pod["containers"]):
            yield owner, container


def mentioned(value: Any) -> Iterator[str]:
    """Every image that is named anywhere, whatever the kind of the object.

    But for Knative's own kind Image, which asks a node to have one before a container needs it,
    and for clusters of which an operator makes the containers.
    """
    if isinstance(value, dict):
        if value.get("kind") in ("Image", "PerconaServerMongoDB"):
            return
        for key, inner in value.items():
            if key == "image" and isinstance(inner, str):
                yield inner
            yield from mentioned(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from mentioned(inner)


def test_the_exceptions_are_still_needed(all_objects: Objects) -> None:
    owners = {owner for owner, _ in workloads(all_objects)}
    assert {*BROKEN_ON_PURPOSE, *MAY_BE_ROOT, *MAY_USE_THE_HOST} <= owners


def test_no_container_is_overlooked(objects: Objects) -> None:
    found = sorted(container["image"] for _, container in containers(objects))
    assert found == sorted(mentioned(objects))


def test_every_image_is_pinned(objects: Objects) -> None:
    for owner, container in containers(objects):
        image = container["image"]
        assert image in PULLED or re.fullmatch(r"[\w./:-]+:v\d[\w.-]*", image), owner


def test_every_image_of_the_course_is_the_one_that_is_built(objects: Objects) -> None:
    for owner, container in containers(objects):
        image = container["image"]
        if image in PULLED:
            continue
        assert image.startswith(f"{REGISTRY}/lab/"), f"{owner}: where should {image} come from?"
        as_built = image in BUILT or FROM_SOURCE.fullmatch(image) is not None
        assert as_built != (owner in BROKEN_ON_PURPOSE), f"{owner}: {image}"


def test_every_container_asks_for_little_and_is_bounded(objects: Objects) -> None:
    for owner, container in containers(objects):
        resources = container["resources"]
        assert {"cpu", "memory"} <= set(resources["requests"]), owner
        assert "memory" in resources["limits"], owner


def restrictions(pod: dict[str, Any], container: dict[str, Any]) -> dict[str, bool]:
    context = {**pod.get("securityContext", {}), **container.get("securityContext", {})}
    capabilities = context.get("capabilities", {})
    return {
        "no escalation": context.get("allowPrivilegeEscalation") is False,
        "not privileged": not context.get("privileged", False),
        "read-only root": context.get("readOnlyRootFilesystem") is True,
        "no capabilities": capabilities.get("drop") == ["ALL"],
        "not root": context.get("runAsNonRoot") is True and not capabilities.get("add"),
    }


def test_every_container_is_restricted(objects: Objects) -> None:
    for owner, pod in workloads(objects):
        for container in (*pod.get("initContainers", []), *pod["containers"]):
            missing = {what for what, holds in restrictions(pod, container).items() if not holds}
            assert missing == ({"not root"} if owner in MAY_BE_ROOT else set()), owner


def test_nothing_of_the_host_is_shared(objects: Objects) -> None:
    for owner, pod in workloads(objects):
        shared = {key for key in ("hostNetwork", "hostPID", "hostIPC") if pod.get(key)}
        shared |= {"hostPath" for volume in pod.get("volumes", []) if "hostPath" in volume}
        assert (shared != set()) == (owner in MAY_USE_THE_HOST), f"{owner} shares {shared}"


def test_every_container_that_serves_says_when_it_is_ready(objects: Objects) -> None:
    for owner, container in containers(objects):
        if container.get("ports"):
            assert "readinessProbe" in container, owner


def test_what_is_pulled_is_pinned_and_for_clusters_that_pull() -> None:
    assert PULLED
    for image in PULLED:
        assert re.fullmatch(r"[a-z0-9.-]+\.[a-z]+/[a-z0-9./_-]+:v?\d[\w.-]*", image), image
    for component in map(components.declaration, components.names()):
        if any(each.pulled for each in component.images):
            assert not component.is_for("embedded"), component.name


@pytest.mark.parametrize("harm", [{"privileged": True}, {"runAsNonRoot": False}, {}])
def test_a_careless_container_would_be_found(harm: dict[str, bool]) -> None:
    assert not all(restrictions({}, {"securityContext": harm}).values())
