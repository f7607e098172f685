"""Every kustomization builds, and the API server accepts what it makes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab_helpers import CommandError, Lab, _manifests, _yaml, components
from lab_helpers._config import ROOT
from lab_helpers.cluster import provider
from lab_helpers.components._declaration import DECLARATION
from lab_helpers.course import LABEL, chapters

from .conftest import (
    KUSTOMIZATIONS,
    MANIFESTS,
    OF_CHAPTERS,
    OF_COMPONENTS,
    ComponentOf,
    Render,
    of_component,
)

Objects = list[dict[str, Any]]


def named(each: dict[str, Any]) -> str:
    return f"{each['kind']}/{each['metadata']['name']}"


def parts(folder: Path) -> set[Path]:
    """The files that a kustomization names."""
    said = yaml.safe_load((folder / "kustomization.yaml").read_text())
    patches = [each["path"] for each in said.get("patches", [])]
    return {folder / name for name in (*said["resources"], *patches)}


def later(folder: Path) -> list[Path]:
    """The files of a chapter that one of its cells applies after the others."""
    if folder not in OF_CHAPTERS:
        return []
    text = (ROOT / "notebooks" / f"{folder.name}.ipynb").read_text()
    return sorted(path for path in set(folder.glob("*.yaml")) - parts(folder) if path.name in text)


def test_there_are_kustomizations_of_addons_components_and_chapters() -> None:
    assert MANIFESTS / "addons" in KUSTOMIZATIONS
    assert OF_COMPONENTS
    assert OF_CHAPTERS
    assert {path.name for path in OF_CHAPTERS} <= {chapter.name for chapter in chapters()}


def test_every_manifest_belongs_to_a_kustomization() -> None:
    listed = {path for folder in KUSTOMIZATIONS for path in (*parts(folder), *later(folder))}
    said = {"kustomization.yaml", DECLARATION}
    assert {path for path in MANIFESTS.rglob("*.yaml") if path.name not in said} - listed == set()


def test_it_builds_objects(objects: Objects) -> None:
    assert objects
    assert len({(named(each), each["metadata"].get("namespace")) for each in objects}) == len(
        objects
    )


class Leaving:
    """Namespaces that were told to go, which takes seconds that the next test need not wait for."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._names: set[str] = set()

    def tell(self, name: str) -> None:
        self._lab.delete("namespace", name, wait=False)
        self._names.add(name)

    def wait(self, names: set[str] | None = None) -> None:
        """Until these are gone, or all."""
        for name in self._names & names if names is not None else {*self._names}:
            self._lab.delete("namespace", name)
            self._names.remove(name)


@pytest.fixture(scope="module")
def leaving(lab: Lab) -> Iterator[Leaving]:
    """All are gone before the tests of another module begin."""
    namespaces = Leaving(lab)
    yield namespaces
    namespaces.wait()


@pytest.fixture
def with_namespaces(
    lab: Lab, objects: Objects, kustomization: Path, leaving: Leaving
) -> Iterator[None]:
    """The namespaces that the objects, or what they need, bring along.

    Those made here are removed again.

    A dry run makes nothing, so that without them the API server would refuse all the rest.
    """
    needs = (
        components.declaration(kustomization.name).needs if kustomization in OF_COMPONENTS else ()
    )
    brought = [*objects, *(each for name in needs for each in of_component(name, lab.connection))]
    wanted = [each for each in brought if each["kind"] == "Namespace"]
    leaving.wait({each["metadata"]["name"] for each in wanted})
    there = {each["metadata"]["name"] for each in lab.get("namespaces")["items"]}
    made = [each for each in wanted if each["metadata"]["name"] not in there]
    for each in made:
        lab.kubectl("create", "-f", "-", stdin=_yaml.dump(each))
    yield
    for each in made:
        leaving.tell(each["metadata"]["name"])


@pytest.fixture
def with_definitions(
    objects: Objects, component_of: ComponentOf, lab: Lab, leaving: Leaving
) -> Iterator[None]:
    """The kinds that the objects are of; a component that is needed for one stays enabled.

    Of one that is for other clusters there are the definitions, for the test.
    """
    needed = {component_of(each["apiVersion"], each["kind"]) for each in objects} - {""}
    if needed - {*components.enabled(lab.connection)}:
        leaving.wait()
    with ExitStack() as for_the_test:
        for name in needed:
            if components.declaration(name).is_for(lab.connection.provider):
                lab.enable(name)
            else:
                for_the_test.enter_context(components.definitions(provider(), name))
        yield


@pytest.mark.usefixtures("with_definitions", "with_namespaces")
def test_the_api_server_accepts_it(kustomization: Path, render: Render, lab: Lab) -> None:
    for text in (render(kustomization), *(path.read_text() for path in later(kustomization))):
        said = lab.kubectl(
            "apply", "--server-side", "--force-conflicts", "--dry-run=server",
            "--validate=strict", "-f", "-", stdin=text,
        )  # fmt: skip
        assert said.count("(server dry run)") == len(list(_manifests.objects(text)))


def test_the_api_server_would_refuse_a_mistake(lab: Lab) -> None:
    """Or the test before could not fail."""
    mistake = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "dada": {}}
    arguments = ("apply", "--server-side", "--dry-run=server", "--validate=strict")
    with pytest.raises(CommandError, match="dada"):
        lab.kubectl(*arguments, "-n", "default", "-f", "-", stdin=_yaml.dump(mistake))


def test_a_chapter_leaves_nothing_that_reset_does_not_find(
    of_chapter: Path, render: Render
) -> None:
    """Reset removes the namespaces that carry the chapter's number, with all that is in them."""
    objects = list(_manifests.objects(render(of_chapter)))
    own = {
        each["metadata"]["name"]
        for each in objects
        if each["kind"] == "Namespace"
        and each["metadata"].get("labels", {}).get(LABEL) == of_chapter.name[:2]
    }
    outside = [
        named(each)
        for each in objects
        if each["metadata"].get("namespace", each["metadata"]["name"]) not in own
    ]
    assert outside == []


def test_services_and_claims_choose_pods_that_there_are(objects: Objects) -> None:
    pods = [each["spec"]["template"] for each in objects if "template" in each.get("spec", {})]
    # Some kinds have a template of a part of a pod.
    labels = [pod.get("metadata", {}).get("labels", {}).items() for pod in pods]
    services = [each for each in objects if (each["apiVersion"], each["kind"]) == ("v1", "Service")]
    for service in services:
        if service["spec"].get("type") == "ExternalName":
            continue
        selector = service["spec"]["selector"].items()
        assert any(selector <= each for each in labels), named(service)


def test_names_for_other_services_are_of_services_that_there_are(
    objects: Objects, all_objects: Objects
) -> None:
    there = {
        f"{each['metadata']['name']}.{each['metadata'].get('namespace')}.svc.cluster.local"
        for each in all_objects
        if (each["apiVersion"], each["kind"]) == ("v1", "Service")
    }
    names = [each["spec"]["externalName"] for each in objects if each["kind"] == "Service"
             and each["spec"].get("type") == "ExternalName"]  # fmt: skip
    assert set(names) <= there


def test_names_are_what_dns_allows(objects: Objects) -> None:
    free = ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")
    domains = ("APIService", "CustomResourceDefinition")
    for each in objects:
        name = each["metadata"]["name"]
        if each["kind"] not in (*free, *domains) and "Webhook" not in each["kind"]:
            assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", name), named(each)
