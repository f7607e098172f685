"""lab_helpers.components._rendering; what kustomize makes of it is tested in tests/manifests"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from lab_helpers import LabError, images
from lab_helpers.components import Declaration, _parts, _rendering
from lab_helpers.components._rendering import values

from .conftest import CONNECTION, Declare

PODINFO = images.CATALOGUE["podinfo"].reference
IMAGE = {"name": "lab/podinfo", "image": "podinfo", "upstream": "example.org/podinfo"}


@pytest.fixture
def component(declare: Declare) -> Declaration:
    return declare("one", images=[IMAGE])


def test_images_are_those_of_the_clusters_registry(component: Declaration) -> None:
    assert _rendering.images(component, CONNECTION) == {"lab/podinfo": PODINFO}
    elsewhere = replace(CONNECTION, registry="registry.example:5000")
    (found,) = _rendering.images(component, elsewhere).values()
    assert found == PODINFO.replace("localhost:32000", "registry.example:5000")


def test_images_are_upstreams_where_the_cluster_wants_them(component: Declaration) -> None:
    (found,) = _rendering.images(component, replace(CONNECTION, images="upstream")).values()
    assert found == f"example.org/podinfo:{PODINFO.rpartition(':')[2]}"


def test_an_image_is_replaced_wherever_it_is_the_whole_text() -> None:
    given = {
        "spec": [{"image": "ko://a"}, "ko://a"],
        "data": {"sidecar": "ko://a", "says": "the image ko://a", "ko://a": 1},
        "n": None,
    }
    assert _rendering._replaced(given, {"ko://a": "b"}) == {
        "spec": [{"image": "b"}, "b"],
        "data": {"sidecar": "b", "says": "the image ko://a", "ko://a": 1},
        "n": None,
    }


def test_values_are_filled_in(component: Declaration, tmp_path: Path) -> None:
    text = "page: http://one.$domain:${ingress_port}/ # costs $$1\n"
    (component.folder / "a.yaml").write_text(text)
    _rendering._lay_out(component, tmp_path / "out", values(CONNECTION))
    assert (tmp_path / "out/a.yaml").read_text() == (
        "page: http://one.localhost:8080/ # costs $1\n"
    )
    assert not (tmp_path / "out/component.yaml").exists()


@pytest.mark.parametrize("text", ["a: $namespace\n", "a: $\n", "a: ${}\n"])
def test_a_value_that_nobody_gives_is_refused(
    text: str, component: Declaration, tmp_path: Path
) -> None:
    (component.folder / "a.yaml").write_text(text)
    with pytest.raises(LabError, match=r"a\.yaml uses a value that is not given") as refused:
        _rendering._lay_out(component, tmp_path / "out", values(CONNECTION))
    assert "domain" in refused.value.remedy


def test_sources_stand_beside_without_what_is_left_out(
    declare: Declare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = declare("one", module="example.org/m", sources={"up": "example.org/m//config"},
                    leave_out=["up/*-hpa.yaml"])  # fmt: skip
    monkeypatch.setattr(_parts, "files", lambda _: Fetched(tmp_path / "fetched"))
    for name in ("up/a.yaml", "up/deep/b.yaml", "up/deep/b-hpa.yaml", "up/README.md"):
        (tmp_path / "fetched" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "fetched" / name).write_text("a: $not_ours\n")
    _rendering._lay_out(found, tmp_path / "out", {})
    listed = yaml.safe_load((tmp_path / "out/up/kustomization.yaml").read_text())
    assert listed == {"resources": ["a.yaml", "deep/b.yaml"]}
    assert (tmp_path / "out/up/a.yaml").read_text() == "a: $not_ours\n"


class Fetched:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.artifact = self
