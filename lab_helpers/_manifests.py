"""Kustomizations, rendered for one cluster.

What differs between clusters is kept out of the manifests: image names, mapped by a kustomize
``images:`` block written here, and a few values (``$ingress_port``) filled in afterwards.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from ._exceptions import LabError
from ._exec import run


def render(
    folder: Path, *, kubectl: Path, images: Mapping[str, str], values: Mapping[str, Any]
) -> str:
    """The objects of a kustomization as one YAML text.

    :param images: image references by the short names that manifests use.
    :param values: what ``$name`` stands for.
    :raises CommandError: kustomize refused it.
    :raises LabError: a manifest uses a value that nobody gave.
    """
    with TemporaryDirectory(prefix="lab-") as scratch:
        # Resources of a kustomization are named relative to it.
        here = Path(scratch).resolve()
        overlay = {
            "resources": [os.path.relpath(folder.resolve(), here)],
            "images": [_mapped(short, reference) for short, reference in images.items()],
        }
        (here / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
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
    return (document for document in yaml.safe_load_all(rendered) if document)
