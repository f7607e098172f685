"""What a component is made of: one version, two maps of its images, nothing left to chance."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab_helpers import Lab, _yaml, components
from lab_helpers.components import Declaration, _parts, _rendering
from lab_helpers.images import REGISTRY
from lab_helpers.programs import PROGRAMS

from .conftest import of_component

Objects = list[dict[str, Any]]
EACH = pytest.mark.parametrize("name", components.names())
VERSION = re.compile(r"(?<![\d.])v?\d+\.\d+\.\d+(?![\d.])")
"""Three numbers; four are an address."""
SAYS_A_VERSION = ("release", "because", "tag")


def texts(value: Any) -> Iterator[str]:
    """Every text in an object, however deep."""
    if isinstance(value, dict):
        for each in value.values():
            yield from texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)
    elif isinstance(value, str):
        yield value


def without(value: Any, *keys: str) -> Any:
    """The same without what stands under some keys."""
    if isinstance(value, dict):
        return {key: without(each, *keys) for key, each in value.items() if key not in keys}
    return [without(each, *keys) for each in value] if isinstance(value, list) else value


@EACH
def test_the_version_is_in_one_place(name: str) -> None:
    folder = components.declaration(name).folder
    for path in folder.rglob("*.yaml"):
        for document in _yaml.load_all(path.read_text()):
            said = without(document, *SAYS_A_VERSION) if path.name == "component.yaml" else document
            found = [text for text in texts(said) if VERSION.search(text)]
            assert found == [], f"{path}: go.mod or the declaration's release say the version"


@EACH
def test_the_version_is_the_pinned_modules_or_has_a_reason(name: str) -> None:
    component = components.declaration(name)
    if not component.module:
        return
    pinned = re.search(rf"\s{component.module} (v\S+)", go_mod(component))
    assert pinned, f"programs/{name}/go.mod does not pin {component.module}"
    if _parts.version(component) != pinned[1]:
        assert component.release == _parts.version(component)
        assert component.because


def go_mod(component: Declaration) -> str:
    return (PROGRAMS / component.name / "go.mod").read_text()


@pytest.mark.parametrize("half", ["serving", "eventing"])
def test_knatives_release_is_that_of_its_modules(half: str) -> None:
    """Knative tags release 1.N.P as v0.(27 + N).P, its own libraries with it."""
    component = components.declaration(f"knative-{half}")
    assert component.release is not None
    major, minor, patch = component.release.removeprefix("v").split(".")
    assert major == "1"
    pinned = re.search(rf"\sknative\.dev/{half} v0\.(\d+)\.(\d+)\s", go_mod(component))
    assert pinned
    assert pinned.groups() == (str(27 + int(minor)), patch)


def test_the_stand_ins_release_is_that_of_its_package() -> None:
    component = components.declaration("mongodb-embedded")
    (mapped,) = component.images
    assert _parts.image(component, mapped).source.version == component.release


def test_perconas_operator_is_that_of_its_module() -> None:
    component = components.declaration("percona-mongodb")
    (mapped,) = (each for each in component.images if each.name == "lab/operator")
    assert f"v{mapped.tag}" == _parts.version(component)


def test_the_page_of_the_postgres_operator_is_released_with_it() -> None:
    page, operator = map(components.declaration, ("postgres-operator-ui", "postgres-operator"))
    (mapped,) = page.images
    assert page.release == mapped.tag == _parts.version(operator)


def test_the_page_asks_the_postgres_operator_and_may_change_nothing(lab: Lab) -> None:
    page = of_component("postgres-operator-ui", lab.connection)
    (service,) = (
        each for each in of_component("postgres-operator", lab.connection)
        if each["kind"] == "Service"
    )  # fmt: skip
    named = "http://{name}.{namespace}:".format_map(service["metadata"])
    assert f"{named}{service['spec']['ports'][0]['port']}" in texts(page)
    (role,) = (each for each in page if each["kind"] == "ClusterRole")
    assert {verb for rule in role["rules"] for verb in rule["verbs"]} == {"get", "list"}


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("prometheus", "github.com/prometheus/prometheus"),
        ("alertmanager", "github.com/prometheus/alertmanager"),
        ("nats-streaming", "github.com/nats-io/nats-streaming-server"),
    ],
)
def test_openfaas_tags_are_those_of_its_modules(name: str, module: str) -> None:
    """Prometheus 3.N.P is the module's v0.3NN.P."""
    component = components.declaration("openfaas")
    (mapped,) = (each for each in component.images if each.name == f"lab/{name}")
    pinned = re.search(rf"\s{module} v(\S+)", go_mod(component))
    assert pinned
    published = mapped.tag.removeprefix("v")
    if name == "prometheus":
        major, minor, patch = published.split(".")
        published = f"0.{major}{int(minor):02}.{patch}"
    assert published == pinned[1]


@EACH
def test_every_source_is_of_a_pinned_module_and_every_pattern_leaves_something_out(
    name: str, lab: Lab
) -> None:
    component = components.declaration(name)
    if not component.sources:
        assert not component.leave_out
        return
    of_component(name, lab.connection)
    if not component.sources:
        assert not component.leave_out
        return
    for target, source in component.sources.items():
        module, _, inside = source.partition("//")
        assert f"{module} v" in go_mod(component), source
        assert inside, f"{source}: which folder?"
        assert (_parts.files(component).artifact.path / target).is_dir()
    upstream = _parts.files(component).artifact.path
    for pattern in component.leave_out:
        assert list(upstream.glob(pattern)), f"{pattern} is not there any more"


@EACH
@pytest.mark.parametrize("kind", ["built", "upstream"])
def test_both_maps_know_every_image(name: str, kind: str, lab: Lab) -> None:
    component = components.declaration(name)
    connection = replace(lab.connection, images=kind)
    rendered = of_component(name, connection)
    known = set(_rendering.images(component, connection).values())
    run = set(images(rendered))
    assert run <= known, "an image that the declaration does not map"
    said = {text for each in rendered for text in texts(each)}
    names = {each.name for each in component.images}
    assert said & names == set(), "a name of the manifests was left as it is"
    assert not [text for text in said if text.startswith("ko://")]
    assert known <= said, "the declaration maps an image that nothing uses"


def images(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("image"), str):
            yield value["image"]
        for each in value.values():
            yield from images(each)
    elif isinstance(value, list):
        for each in value:
            yield from images(each)


@EACH
def test_built_images_are_of_the_registry_and_upstreams_have_the_same_version(name: str) -> None:
    component = components.declaration(name)
    for each in (each for each in component.images if not each.pulled):
        built = _parts.image(component, each)
        assert built.reference.startswith(f"{REGISTRY}/lab/")
        if not each.upstream:
            continue
        registry, tag = _parts.upstream_reference(component, each).rsplit(":", 1)
        assert re.fullmatch(r"[a-z0-9.-]+\.[a-z]+/[a-z0-9./_-]+", registry), registry
        assert (tag == built.source.version) == (not each.because), each.name
        if each.program:
            assert built.source.version == _parts.version(component)


@EACH
def test_images_follow_the_clusters_registry(name: str, lab: Lab) -> None:
    component = components.declaration(name)
    elsewhere = replace(lab.connection, registry="registry.example:5000")
    pulled = {each.name for each in component.images if each.pulled}
    for image, reference in _rendering.images(component, elsewhere).items():
        assert reference.startswith("registry.example:5000/lab/") == (image not in pulled)


@EACH
def test_everything_carries_the_components_label(name: str, lab: Lab) -> None:
    for each in of_component(name, lab.connection):
        assert each["metadata"]["labels"][_rendering.LABEL] == name, each["metadata"]["name"]


@EACH
def test_no_value_is_left_to_be_filled_in(name: str, lab: Lab) -> None:
    placed = replace(lab.connection, domain="lab.example", ingress_port=81)
    own = [path.read_text() for path in components.declaration(name).folder.glob("*.yaml")]
    rendered = of_component(name, placed)
    assert not [text for each in rendered for text in texts(each) if "$domain" in text]
    if any("$domain" in text for text in own):
        said = [word for each in rendered for word in (*texts(each), *keys(each))]
        assert any("lab.example" in text for text in said)
        assert not any("knative.localhost" in text for text in said)


def keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
        for each in value.values():
            yield from keys(each)


@EACH
def test_every_component_says_where_it_comes_from(name: str) -> None:
    component = components.declaration(name)
    assert component.title
    assert component.licence
    assert component.upstream.status
    assert component.upstream.page.startswith("https://")
    for each in component.needs:
        assert components.declaration(each).chapter <= component.chapter


def test_a_version_in_the_folder_would_be_found(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("spec: [{image: 'example:1.2.3'}]\n")
    said = yaml.safe_load((tmp_path / "a.yaml").read_text())
    assert [text for text in texts(said) if VERSION.search(text)] == ["example:1.2.3"]
    assert list(texts(without({"tag": "1.2.3", "b": [{"tag": "1.2.3"}]}, "tag"))) == []
