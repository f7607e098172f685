"""The objects of each kustomization, as the cluster gets them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from lab_helpers import Lab, _manifests
from lab_helpers._config import ROOT
from lab_helpers.images import CATALOGUE

MANIFESTS = ROOT / "manifests"
KUSTOMIZATIONS = sorted(path.parent for path in MANIFESTS.rglob("kustomization.yaml"))

Render = Callable[[Path], str]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes a ``kustomization`` is run for each one that there is."""
    if "kustomization" in metafunc.fixturenames:
        names = [str(path.relative_to(MANIFESTS)) for path in KUSTOMIZATIONS]
        metafunc.parametrize("kustomization", KUSTOMIZATIONS, ids=names)


@pytest.fixture(scope="session")
def render(lab: Lab) -> Render:
    """Renders addons as the cluster's start does, and chapters as ``kubectl apply -k`` does."""
    images = {f"lab/{name}": image.reference for name, image in CATALOGUE.items()}
    values = {
        "ingress_port": lab.connection.ingress_port,
        "upstream_dns": "errors",
        "egress": "false",
    }
    kubectl = lab.connection.kubectl

    @cache
    def build(folder: Path) -> str:
        if MANIFESTS / "addons" in (folder, *folder.parents):
            return _manifests.render(folder, kubectl=kubectl, images=images, values=values)
        return lab.kubectl("kustomize", folder)

    return build


@pytest.fixture
def objects(kustomization: Path, render: Render) -> list[dict[str, Any]]:
    return list(_manifests.objects(render(kustomization)))


@pytest.fixture(scope="session")
def all_objects(render: Render) -> list[dict[str, Any]]:
    return [each for folder in KUSTOMIZATIONS for each in _manifests.objects(render(folder))]
