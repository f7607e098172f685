"""A component's manifests, for one cluster.

Upstream's files come from the pinned modules, ours from the component's folder. kustomize puts
them together; then image names are replaced by those of the cluster, wherever they stand: an
image may also be named in a ConfigMap.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template
from typing import Any

from .. import _yaml
from .._exceptions import LabError
from .._exec import run
from .._files import scratch
from ..cluster import Connection
from ..images import REGISTRY
from . import _parts
from ._declaration import DECLARATION, Declaration

LABEL = "lab.serverless/component"
"""On everything that a component brings. What does not carry it is never changed or removed."""

Object = dict[str, Any]


def objects(component: Declaration, connection: Connection) -> list[Object]:
    """Everything that is applied, as it is applied.

    :raises CommandError: kustomize refused the kustomization.
    :raises LabError: a manifest uses a value that nobody gave.
    """
    with scratch() as folder:
        _lay_out(component, folder / "component", values(connection))
        overlay = {"resources": ["component"], "labels": [{"pairs": {LABEL: component.name}}]}
        _write_kustomization(folder, overlay)
        built = run([connection.kubectl, "kustomize", folder])
    found = [each for each in _yaml.load_all(built) if each]
    names = images(component, connection)
    return [_replaced(each, names) for each in found]


def values(connection: Connection) -> dict[str, str]:
    """What ``$name`` stands for in a component's own manifests."""
    return {
        "domain": connection.domain,
        "ingress_port": str(connection.ingress_port),
        "registry": connection.registry or REGISTRY,
        "pool": connection.pool,
    }


def images(component: Declaration, connection: Connection) -> dict[str, str]:
    """The images of the cluster by the names that manifests use."""
    named = {
        i.name: _parts.upstream_reference(component, i)
        if i.pulled or connection.images == "upstream"
        else _parts.image(component, i).reference
        for i in component.images
    }
    return {
        name: reference.replace(f"{REGISTRY}/", f"{connection.registry or REGISTRY}/", 1)
        for name, reference in named.items()
    }


def _lay_out(component: Declaration, folder: Path, given: Mapping[str, str]) -> None:
    """The component's own files, values filled in, and upstream's beside them."""
    folder.mkdir()
    for path in component.folder.glob("*.yaml"):
        if path.name != DECLARATION:
            (folder / path.name).write_text(_filled(path, given))
    if not component.sources:
        return
    upstream = _parts.files(component).artifact.path
    for name in component.sources:
        shutil.copytree(upstream / name, folder / name)
        _write_kustomization(folder / name, {"resources": sorted(_taken(component, folder / name))})


def _filled(path: Path, given: Mapping[str, str]) -> str:
    try:
        return Template(path.read_text()).substitute(given)
    except (KeyError, ValueError) as missing:
        raise LabError(
            f"{path} uses a value that is not given: {missing}", remedy=f"one of {', '.join(given)}"
        ) from missing


def _taken(component: Declaration, source: Path) -> Iterator[str]:
    for path in source.rglob("*.yaml"):
        if component.takes(str(path.relative_to(source.parent))):
            yield str(path.relative_to(source))


def _write_kustomization(folder: Path, content: Mapping[str, Any]) -> None:
    (folder / "kustomization.yaml").write_text(_yaml.dump(dict(content)))


def _replaced(value: Any, names: Mapping[str, str]) -> Any:
    """The same value with each text that is an image's name replaced."""
    if isinstance(value, dict):
        return {key: _replaced(each, names) for key, each in value.items()}
    if isinstance(value, list):
        return [_replaced(each, names) for each in value]
    return names.get(value, value) if isinstance(value, str) else value
