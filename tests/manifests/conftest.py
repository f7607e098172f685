"""The objects of each kustomization, as the cluster gets them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from lab_helpers import Lab, _manifests, _yaml, builds, components
from lab_helpers._config import ROOT, settings
from lab_helpers.cluster import Connection
from lab_helpers.cluster.embedded.actions.apply_addons import apply_addons
from lab_helpers.cluster.embedded.node import Node
from lab_helpers.components import _parts, _rendering

MANIFESTS = ROOT / "manifests"
KUSTOMIZATIONS = sorted(path.parent for path in MANIFESTS.rglob("kustomization.yaml"))

OF_CHAPTERS = [path for path in KUSTOMIZATIONS if path.parent == MANIFESTS / "chapters"]
OF_COMPONENTS = [path for path in KUSTOMIZATIONS if path.parent == MANIFESTS / "components"]

Render = Callable[[Path], str]
ComponentOf = Callable[[str, str], str]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test is run for each ``kustomization`` that it takes, or each one ``of_chapter``."""
    if "kustomization" in metafunc.fixturenames:
        names = [str(path.relative_to(MANIFESTS)) for path in KUSTOMIZATIONS]
        metafunc.parametrize("kustomization", KUSTOMIZATIONS, ids=names)
    if "of_chapter" in metafunc.fixturenames:
        metafunc.parametrize("of_chapter", OF_CHAPTERS, ids=lambda path: path.name)


class _Asked(Exception):
    """The start was only asked what it would do."""


@pytest.fixture(scope="session")
def of_the_start(lab: Lab) -> dict[str, Any]:
    """The images and values that the cluster's start fills in, from the start itself."""
    node = Node.load(settings().name)
    assert node is not None
    assert node.kubeconfig == lab.connection.kubeconfig
    given: dict[str, Any] = {}

    def note(_: Path, **arguments: Any) -> str:
        given.update(arguments)
        raise _Asked

    with pytest.MonkeyPatch.context() as patch, suppress(_Asked):
        patch.setattr(_manifests, "render", note)
        apply_addons(node)
    return given


@cache
def of_component(name: str, connection: Connection) -> list[dict[str, Any]]:
    """What ``./lab enable`` applies; upstream's manifests are fetched first where they are not.

    Nobody changes it: it is the same for all tests.
    """
    declared = components.declaration(name)
    builds.ensure(_parts.artifacts(declared, upstream=True))
    return _rendering.objects(declared, connection)


@pytest.fixture(scope="session")
def render(lab: Lab, of_the_start: dict[str, Any]) -> Render:
    """Renders everything the way it gets to the cluster.

    Addons by the cluster's start, components by ``./lab enable``, chapters by ``kubectl apply -k``.
    """

    @cache
    def build(folder: Path) -> str:
        if MANIFESTS / "addons" in (folder, *folder.parents):
            return _manifests.render(folder, **of_the_start)
        if folder in OF_COMPONENTS:
            return _yaml.dump_all(of_component(folder.name, lab.connection))
        return lab.kubectl("kustomize", folder)

    return build


@pytest.fixture(scope="session")
def component_of(render: Render) -> ComponentOf:
    """The component that brings a kind, empty where none does."""
    bring = {
        (each["spec"]["group"], each["spec"]["names"]["kind"]): folder.name
        for folder in OF_COMPONENTS
        for each in _manifests.objects(render(folder))
        if each["kind"] == "CustomResourceDefinition"
    }
    return lambda version, kind: bring.get((version.rpartition("/")[0], kind), "")


@pytest.fixture
def objects(kustomization: Path, render: Render) -> list[dict[str, Any]]:
    return list(_manifests.objects(render(kustomization)))


@pytest.fixture(scope="session")
def all_objects(render: Render) -> list[dict[str, Any]]:
    return [each for folder in KUSTOMIZATIONS for each in _manifests.objects(render(folder))]
