"""Manifests, made to fit one cluster and one learner.

Addons are kustomizations that are rendered: image names, mapped by a kustomize ``images:`` block
written here, and a few values (``$ingress_port``) filled in afterwards. A chapter's manifests are
what a learner reads and applies, so they say literally what holds on the course's own cluster. For
another cluster, or one of several learners, a copy is made that says what holds there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from . import _yaml
from ._config import ROOT, settings
from ._exceptions import LabError
from ._exec import run
from ._files import remove_tree, scratch, write
from .openfaas import FUNCTIONS

LEARNER = "lab.serverless/learner"
"""The label of a learner's namespaces; those of the literal names do not have it."""
DOMAIN, REGISTRY = "localhost", "localhost:32000"
"""What manifests say: pages are at ``NAME.localhost``, images at ``localhost:32000/lab/NAME``."""


def render(
    folder: Path, *, kubectl: Path, images: Mapping[str, str], values: Mapping[str, Any]
) -> str:
    """The objects of a kustomization as one YAML text.

    :param images: image references by the short names that manifests use.
    :param values: what ``$name`` stands for.
    :raises CommandError: kustomize refused it.
    :raises LabError: a manifest uses a value that nobody gave.
    """
    with scratch() as here:
        # Resources of a kustomization are named relative to it.
        overlay = {
            "resources": [os.path.relpath(folder.resolve(), here)],
            "images": [_mapped(short, reference) for short, reference in images.items()],
        }
        (here / "kustomization.yaml").write_text(_yaml.dump(overlay))
        built = run([kubectl, "kustomize", here])
    try:
        return Template(built).substitute(values)
    except (KeyError, ValueError) as missing:
        raise LabError(f"{folder} uses a value that is not given: {missing}") from missing


def _mapped(short: str, reference: str) -> dict[str, str]:
    name, _, tag = reference.rpartition(":")
    return {"name": short, "newName": name, "newTag": tag}


def objects(rendered: str) -> Iterator[dict[str, Any]]:
    """The objects of a rendered text."""
    return (document for document in _yaml.load_all(rendered) if document)


@dataclass(frozen=True)
class Place:
    """What a chapter's manifests are made to fit; by default, what they literally say.

    :ivar learner: prefix of namespaces and host names.
    :ivar domain: pages are at ``NAME.domain``.
    :ivar registry: the registry as the cluster's image names call it.
    """

    learner: str = ""
    domain: str = DOMAIN
    registry: str = REGISTRY

    def name(self, literal: str) -> str:
        """The name of something that learners must not share."""
        return f"{self.learner}-{literal}" if self.learner else literal

    def image(self, literal: str) -> str:
        """An image's name in the cluster's registry; as it is where the cluster has none."""
        if not self.registry:
            return literal
        return re.sub(f"^{REGISTRY}/", f"{self.registry}/", literal)

    @property
    def slug(self) -> str:
        """A folder name that says in what it differs from the literal place."""
        differing = (
            self.learner,
            self.domain.removeprefix(DOMAIN),
            self.registry.removeprefix(REGISTRY),
        )
        return re.sub(r"[^a-z0-9.-]", "-", "-".join(filter(None, differing)))


def fitting(path: Path, place: Place) -> Path:
    """A file or folder, given relative to ``manifests/``; what belongs to a chapter fits the place.

    :raises LabError: there is none.
    """
    literal = ROOT / "manifests" / path
    if not literal.exists():
        raise LabError(f"no manifest {literal}")
    if path.parts[0] != "chapters" or len(path.parts) == 1:
        return literal
    folder = Path(*path.parts[:2])
    return placed(ROOT / "manifests" / folder, place) / path.relative_to(folder)


def placed(folder: Path, place: Place) -> Path:
    """A chapter's folder as it is where nothing differs, else a copy of it that fits the place."""
    if place == Place():
        return folder
    target = settings().build / "manifests" / place.slug / folder.name
    texts = {path.relative_to(folder): path.read_text() for path in _files_below(folder)}
    own = _namespaces(texts)
    for name, text in texts.items():
        fitting = _fit_text(text, place, own) if name.suffix == ".yaml" else text
        _write_changed(target / name, fitting)
    for old in _files_below(target):
        if old.relative_to(target) not in texts:
            remove_tree(old)
    return target


def _files_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _namespaces(texts: Mapping[Path, str]) -> frozenset[str]:
    """The namespaces that a chapter makes."""
    return frozenset(
        each["metadata"]["name"]
        for name, text in texts.items()
        if name.suffix == ".yaml"
        for each in objects(text)
        if each.get("kind") == "Namespace"
    )


def _write_changed(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:
        write(path, text)


def _fit_text(text: str, place: Place, own: frozenset[str]) -> str:
    return _yaml.dump_all(fit(each, place, own) for each in objects(text))


def fit(given: dict[str, Any], place: Place, own: frozenset[str]) -> dict[str, Any]:
    """An object as it has to be at a place. Names inside a namespace stay as they are.

    Changed are, wherever they are: values of the key ``namespace``, ``SERVICE.NAMESPACE`` as a
    host name or a part of one, ``NAME.localhost``, and image names; paths that an Ingress rewrites
    to, and hosts that it asks as, that begin with a namespace's name, as its bucket is called;
    paths to functions, whose namespace is the learner's own; and a Namespace itself.

    :param own: the namespaces that belong to the chapter; all others are everybody's.
    """
    fitting: dict[str, Any] = _walk(given, place, own)
    if given.get("kind") == "Namespace" and given["metadata"]["name"] in own:
        metadata = fitting["metadata"]
        metadata["name"] = place.name(given["metadata"]["name"])
        if place.learner:
            metadata["labels"] = {**metadata.get("labels", {}), LEARNER: place.learner}
    return fitting


def _walk(value: Any, place: Place, own: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {
            key: _fit_named(key, inner, place, own)
            if isinstance(inner, str)
            else _walk(inner, place, own)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_walk(inner, place, own) for inner in value]
    return _fit_string(value, place, own) if isinstance(value, str) else value


def _fit_named(key: str, text: str, place: Place, own: frozenset[str]) -> str:
    """A text, by what it is under this key."""
    if key in _NAMES_A_NAMESPACE and text in own:
        return place.name(text)
    if key == _REWRITTEN_TO:
        return _fit_path(text, place, own)
    if key == _ASKED_AS:
        bucket, _, server = text.partition(".")
        return _fit_string(
            f"{place.name(bucket) if bucket in own else bucket}.{server}", place, own
        )
    return _fit_string(text, place, own)


_REWRITTEN_TO = "nginx.ingress.kubernetes.io/rewrite-target"
_ASKED_AS = "nginx.ingress.kubernetes.io/upstream-vhost"
_NAMES_A_NAMESPACE = ("namespace", "kubernetes.io/metadata.name")
_HOST = re.compile(r"(?<![\w.-])[a-z0-9-]+(?:\.[a-z0-9-]+)+(?![\w-])")
"""A host name, or something else that looks like one."""


_FUNCTION = re.compile(rf"(?<=^/function/)([a-z0-9-]+)\.{FUNCTIONS}(?=/|$)")
"""A function as OpenFaaS's gateway has it, below its path."""


def _fit_path(path: str, place: Place, own: frozenset[str]) -> str:
    path = _FUNCTION.sub(lambda found: f"{found[1]}.{place.name(FUNCTIONS)}", path)
    first = path.removeprefix("/").partition("/")[0]
    return path.replace(first, place.name(first), 1) if first in own else path


def _fit_string(text: str, place: Place, own: frozenset[str]) -> str:
    return _HOST.sub(lambda found: _fit_host(found[0], place, own), place.image(text))


def _fit_host(host: str, place: Place, own: frozenset[str]) -> str:
    labels = host.split(".")
    if len(labels) == 2 and labels[1] == DOMAIN:
        return f"{place.name(labels[0])}.{place.domain}"
    if labels[1] in own:
        labels[1] = place.name(labels[1])
    if labels[-1] == DOMAIN:
        labels[-1] = place.domain
    return ".".join(labels)
