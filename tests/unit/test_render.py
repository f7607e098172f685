"""lab_helpers._manifests; tests/manifests has kustomize itself build what there is."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from lab_helpers import CommandError, LabError
from lab_helpers._files import write
from lab_helpers._manifests import objects, render

# Shows what kubectl was given: `kubectl kustomize FOLDER`, then the resources found from there.
KUBECTL = """#!/bin/sh
set -e
[ "$1" = kustomize ] && cd "$2"
sed -n '/^images/,/^resources/p' kustomization.yaml | sed '/^resources/d; s/^/# /'
for folder in $(sed -n 's/^- \\.\\./../p' kustomization.yaml); do cat "$folder/objects.yaml"; done
"""


@pytest.fixture
def kubectl(tmp_path: Path) -> Path:
    write(tmp_path / "bin/kubectl", KUBECTL, mode=0o755)
    return tmp_path / "bin/kubectl"


def test_values_are_filled_in(kubectl: Path, tmp_path: Path) -> None:
    write(tmp_path / "k/objects.yaml", "port: $ingress_port\n")
    built = render(tmp_path / "k", kubectl=kubectl, images={}, values={"ingress_port": 8080})
    assert yaml.safe_load(built) == {"port": 8080}


def test_a_folder_can_be_named_by_a_link_or_relative(
    kubectl: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "deep/er/k/objects.yaml", "a: 1\n")
    (tmp_path / "link").symlink_to(tmp_path / "deep/er/k")
    monkeypatch.chdir(tmp_path / "deep")
    for folder in (tmp_path / "link", Path("er/k")):
        assert yaml.safe_load(render(folder, kubectl=kubectl, images={}, values={})) == {"a": 1}


@pytest.mark.parametrize(
    "text", ["port: $ingress_prot\n", "port: ${missing}\n", "price: $ 5\n", "$(A)"]
)
def test_a_value_that_nobody_gave_is_refused(text: str, kubectl: Path, tmp_path: Path) -> None:
    write(tmp_path / "k/objects.yaml", text)
    with pytest.raises(LabError, match="uses a value that is not given"):
        render(tmp_path / "k", kubectl=kubectl, images={}, values={"ingress_port": 8080})


def test_images_are_mapped_to_name_and_tag(kubectl: Path, tmp_path: Path) -> None:
    write(tmp_path / "k/objects.yaml", "")
    images = {"lab/podinfo": "localhost:32000/lab/podinfo:v6"}
    built = render(tmp_path / "k", kubectl=kubectl, images=images, values={})
    block = yaml.safe_load("\n".join(line.removeprefix("# ") for line in built.splitlines()))
    assert block["images"] == [
        {"name": "lab/podinfo", "newName": "localhost:32000/lab/podinfo", "newTag": "v6"}
    ]


def test_what_kustomize_refuses_is_an_error_with_its_words(kubectl: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandError) as refused:
        render(tmp_path / "nothing", kubectl=kubectl, images={}, values={})
    assert "objects.yaml" in refused.value.seen


def test_objects_leaves_out_empty_documents() -> None:
    assert list(objects("---\na: 1\n---\n---\n# nothing\n---\nb: 2\n")) == [{"a": 1}, {"b": 2}]
