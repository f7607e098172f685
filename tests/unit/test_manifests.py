"""How lab_helpers._manifests makes a chapter's manifests fit a place; rendering: test_render."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lab_helpers import LabError, _manifests
from lab_helpers._config import ROOT, settings
from lab_helpers._files import write
from lab_helpers._manifests import Place, fit, fitting, objects, placed

CHAPTERS = ROOT / "manifests/chapters"
ANN = Place("ann")
ELSEWHERE = Place("ann", "example.org", "registry.example:5000")
OWN = frozenset({"mine"})


@pytest.fixture(autouse=True)
def build(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where copies are written to."""
    here = dataclasses.replace(settings(), build=tmp_path / "build")
    monkeypatch.setattr(_manifests, "settings", lambda: here)
    return here.build


def fitted(value: Any, place: Place = ELSEWHERE) -> Any:
    return fit({"kind": "X", "x": value}, place, OWN)["x"]


@pytest.mark.parametrize(
    ("literal", "expected"),
    [
        ("localhost:32000/lab/x:v1", "registry.example:5000/lab/x:v1"),
        ("docker.io/localhost:32000/x", "docker.io/localhost:32000/x"),
        ("hello.localhost", "ann-hello.example.org"),
        ("http://hello.localhost/x?y=z", "http://ann-hello.example.org/x?y=z"),
        ("Host(`hello.localhost`)", "Host(`ann-hello.example.org`)"),
        ("hello.mine.localhost", "hello.ann-mine.example.org"),
        ("http://hello.mine/echo", "http://hello.ann-mine/echo"),
        ("hello.mine:80", "hello.ann-mine:80"),
        ("hello.mine.svc.cluster.local.", "hello.ann-mine.svc.cluster.local."),
        ("--backend=hello.mine", "--backend=hello.ann-mine"),
        ("mine", "mine"),
        ("hello.mine-too", "hello.mine-too"),
        ("hello.notmine", "hello.notmine"),
        ("hello.other", "hello.other"),
        ("mine.hello", "mine.hello"),
        ("localhost", "localhost"),
        ("hello.localhost-x", "hello.localhost-x"),
        ("say hello.localhost.", "say ann-hello.example.org."),
    ],
)
def test_what_a_text_becomes_elsewhere(literal: str, expected: str) -> None:
    assert fitted(literal) == expected


def test_namespaces_of_the_chapter_are_named_anew_wherever_they_are_referred_to() -> None:
    refers = {"namespace": "mine", "name": "mine", "subjects": [{"namespace": "mine"}]}
    assert fitted(refers) == {
        "namespace": "ann-mine",
        "name": "mine",
        "subjects": [{"namespace": "ann-mine"}],
    }
    assert fitted({"namespace": "kube-system"}) == {"namespace": "kube-system"}
    selector = {"kubernetes.io/metadata.name": "mine"}
    assert fitted({"matchLabels": selector}) == {
        "matchLabels": {"kubernetes.io/metadata.name": "ann-mine"}
    }


@pytest.mark.parametrize(
    ("literal", "expected"),
    [
        ("/mine/$1", "/ann-mine/$1"),
        ("/mine", "/ann-mine"),
        ("/mine/mine/x", "/ann-mine/mine/x"),
        ("/other/mine", "/other/mine"),
        ("/mines/$1", "/mines/$1"),
        ("/$1", "/$1"),
    ],
)
def test_a_bucket_that_an_ingress_leads_to_is_named_anew(literal: str, expected: str) -> None:
    key = "nginx.ingress.kubernetes.io/rewrite-target"
    assert fitted({key: literal, "other": literal}) == {key: expected, "other": literal}


@pytest.mark.parametrize(
    ("literal", "expected"),
    [
        ("/function/tell.openfaas-fn", "/function/tell.ann-openfaas-fn"),
        ("/function/tell.openfaas-fn/$1", "/function/tell.ann-openfaas-fn/$1"),
        ("/function/tell.others", "/function/tell.others"),
        ("/function/tell", "/function/tell"),
        ("/async-function/tell.openfaas-fn", "/async-function/tell.openfaas-fn"),
    ],
)
def test_a_function_that_an_ingress_leads_to_is_the_learners(literal: str, expected: str) -> None:
    key = "nginx.ingress.kubernetes.io/rewrite-target"
    assert fitted({key: literal}) == {key: expected}


@pytest.mark.parametrize(
    ("literal", "expected"),
    [
        ("mine.minio.localhost", "ann-mine.minio.example.org"),
        ("other.minio.localhost", "other.minio.example.org"),
    ],
)
def test_a_bucket_that_an_ingress_asks_as_has_the_prefix(literal: str, expected: str) -> None:
    key = "nginx.ingress.kubernetes.io/upstream-vhost"
    somewhere = Place(learner="ann", domain="example.org")
    assert fit({key: literal}, somewhere, OWN) == {key: expected}


def namespace(name: str) -> dict[str, Any]:
    return {"kind": "Namespace", "metadata": {"name": name, "labels": {"a": "b"}}}


def test_a_namespace_says_whose_it_is() -> None:
    assert fit(namespace("mine"), ANN, OWN)["metadata"] == {
        "name": "ann-mine",
        "labels": {"a": "b", "lab.serverless/learner": "ann"},
    }
    assert fit(namespace("other"), ANN, OWN) == namespace("other")
    somewhere = Place(domain="example.org")
    assert fit(namespace("mine"), somewhere, OWN) == namespace("mine")


TEXTS = st.text("abz09.:/-@= \n", max_size=20) | st.sampled_from(
    ["mine", "hello.mine", "hello.localhost", "localhost:32000/lab/x"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(TEXTS | st.just("namespace"), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(JSON)
def test_at_the_literal_place_nothing_changes(value: Any) -> None:
    assert fitted(value, Place()) == value


@given(JSON)
def test_two_learners_differ_in_their_prefix_only(value: Any) -> None:
    ann, bob = (json.dumps(fitted(value, Place(who))) for who in ("ann", "bob"))
    assert ann.replace("ann-", "bob-") == bob


@given(JSON)
def test_what_belongs_to_nobody_is_left_alone(value: Any) -> None:
    text = json.dumps(value)
    if not re.search("mine|localhost", text):
        assert fitted(value) == value


def test_the_literal_folder_is_used_as_it_is(build: Path) -> None:
    for folder in CHAPTERS.iterdir():
        assert placed(folder, Place()) == folder
    assert not build.exists()


@pytest.mark.parametrize("folder", sorted(CHAPTERS.iterdir()), ids=lambda path: path.name)
def test_a_chapters_copy_has_the_same_files_and_objects(folder: Path) -> None:
    copy = placed(folder, ELSEWHERE)
    names = {path.relative_to(folder) for path in folder.rglob("*.yaml")}
    assert {path.relative_to(copy) for path in copy.rglob("*.yaml")} == names
    for name in names:
        before, after = (list(objects((root / name).read_text())) for root in (folder, copy))
        assert [each["kind"] for each in before] == [each["kind"] for each in after]
        text = (copy / name).read_text()
        assert "localhost:32000" not in text
        assert ".localhost" not in text


def test_a_copy_is_all_of_one_learner() -> None:
    copy = placed(CHAPTERS / "01-install-the-cluster", ANN)
    found = [each for path in copy.iterdir() for each in objects(path.read_text())]
    metadata = [each["metadata"] for each in found if each["kind"] != "Kustomization"]
    spaces = {each.get("namespace", each["name"]) for each in metadata}
    assert spaces == {"ann-first-steps"}
    assert "http://hello.ann-first-steps/echo" in (copy / "notes.yaml").read_text()
    assert {each["name"] for each in metadata} == {
        "ann-first-steps", "hello", "notes", "patient",
    }  # fmt: skip


def test_places_do_not_share_a_copy() -> None:
    places = [
        ANN, Place("bob"), Place(domain="example.org"), Place("ann", "example.org"), ELSEWHERE,
        Place(registry="localhost:5000"), Place(registry="registry.example:5000"),
    ]  # fmt: skip
    copies = {placed(CHAPTERS / "01-install-the-cluster", place) for place in places}
    assert len(copies) == len(places)


def test_a_copy_follows_its_original(tmp_path: Path) -> None:
    folder = tmp_path / "90-x"
    write(folder / "old.yaml", yaml.safe_dump(namespace("mine")))
    write(folder / "values.json", '{"host": "hello.localhost"}')
    copy = placed(folder, ANN)
    assert (copy / "values.json").read_text() == '{"host": "hello.localhost"}', "no object"
    written = (copy / "values.json").stat().st_mtime_ns
    (folder / "old.yaml").rename(folder / "new.yaml")
    assert placed(folder, ANN) == copy
    assert sorted(path.name for path in copy.iterdir()) == ["new.yaml", "values.json"]
    assert (copy / "values.json").stat().st_mtime_ns == written, "what fits is not written again"


def test_only_what_belongs_to_a_chapter_is_copied(build: Path) -> None:
    assert fitting(Path("addons"), ANN) == ROOT / "manifests/addons"
    assert fitting(Path("chapters"), ANN) == CHAPTERS
    chapter = "chapters/01-install-the-cluster"
    one = fitting(Path(chapter, "service.yaml"), ANN)
    assert one == build / "manifests/ann/01-install-the-cluster/service.yaml"
    assert fitting(Path(chapter), ANN) == one.parent


def test_a_manifest_that_is_not_there_is_an_error() -> None:
    with pytest.raises(LabError, match="no manifest"):
        fitting(Path("chapters/99-none"), ANN)


@pytest.mark.parametrize("number", ["07", "08", "09", "10"])
def test_a_number_that_is_a_text_stays_one_for_others_than_pyyaml(
    tmp_path: Path, number: str
) -> None:
    """``09`` is a text to PyYAML, whatever it looks like, but a number to kubectl."""
    folder = tmp_path / number
    labels = f'metadata: {{name: mine, labels: {{chapter: "{number}"}}}}'
    write(folder / "namespace.yaml", f"apiVersion: v1\nkind: Namespace\n{labels}\n")
    copied = (placed(folder, ANN) / "namespace.yaml").read_text()
    assert f"chapter: '{number}'" in copied
