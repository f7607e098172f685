"""lab_helpers.openfaas.folders: new functions, and what is asked for when they are deployed"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from lab_helpers import LabError, UsageError, stack, templates
from lab_helpers._config import settings
from lab_helpers.functions import Function
from lab_helpers.openfaas import folders
from lab_helpers.openfaas.folders import Folders
from lab_helpers.stack import Deployment, Resources, Stack

IMAGE = "localhost:32000/lab/greet:latest"


@pytest.fixture
def own(tmp_path: Path) -> Folders:
    return Folders(tmp_path / "functions")


@pytest.fixture(autouse=True)
def _a_template_of_ones_own(own: Folders) -> None:
    """So that these tests need none of the course's."""
    folder = own.own / "templates" / "plain"
    (folder / "function" / "below").mkdir(parents=True)
    (folder / "template.yml").write_text("language: plain\nbase: python\n")
    (folder / "Containerfile").write_text("FROM scratch\n")
    (folder / "function" / "handler.py").write_text("def handle(event, context): ...\n")
    (folder / "function" / "below" / "more.txt").write_text("more\n")


def test_a_new_function_is_what_its_template_begins_with(own: Folders) -> None:
    folder = own.new("greet", "plain", chapter="03")
    assert folder == own.own / "greet"
    assert (folder / "handler.py").read_text().startswith("def handle")
    assert (folder / "below" / "more.txt").exists()
    said = stack.load(folder / stack.FILE).functions["greet"]
    assert (said.lang, said.handler, said.image) == ("plain", ".", IMAGE)
    assert said.labels == {"lab.serverless/chapter": "03"}
    assert said.limits.memory
    assert own.names() == ["greet"]
    assert own.find("greet") == Function("greet", own.own)


def test_without_a_chapter_there_is_no_label_of_one(own: Folders) -> None:
    folder = own.new("greet", "plain")
    assert stack.load(folder / stack.FILE).functions["greet"].labels == {}


@pytest.mark.parametrize("lang", templates.names())
def test_a_function_can_begin_from_each_template_of_the_course(own: Folders, lang: str) -> None:
    folder = own.new("greet", lang)
    assert Function("greet", own.own).template is not None
    assert len(list(folder.iterdir())) > 1


@pytest.mark.parametrize(
    "name", ["", "Greet", "greet_me", "1st", "-a", "a-", "../a", "a/b", "templates", "a" * 64, ".a"]
)
def test_a_name_that_cannot_be_one_is_refused(own: Folders, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name"):
        own.new(name, "plain")
    assert own.names() == []


def test_a_template_that_is_not_there_is_refused(own: Folders) -> None:
    with pytest.raises(UsageError, match="no template 'cobol'") as refused:
        own.new("greet", "cobol")
    assert "plain" in refused.value.remedy
    assert own.names() == []


def test_what_is_there_is_not_overwritten(own: Folders) -> None:
    folder = own.new("greet", "plain")
    (folder / "handler.py").write_text("mine")
    with pytest.raises(UsageError, match="there is a function greet already"):
        own.new("greet", "plain")
    assert own.new("greet", "plain", exist_ok=True) == folder
    assert (folder / "handler.py").read_text() == "mine"


def test_what_an_interruption_left_is_no_function(own: Folders) -> None:
    (own.own / ".greet").mkdir()
    (own.own / ".greet" / "old").touch()
    assert own.names() == []
    assert not (own.new("greet", "plain") / "old").exists()


def test_an_own_function_comes_before_the_courses(own: Folders) -> None:
    assert own.find("users-api") == Function("users-api")
    own.new("users-api", "plain")
    assert own.find("users-api") == Function("users-api", own.own)


def test_a_function_that_is_nowhere_is_refused_with_those_that_are(own: Folders) -> None:
    own.new("greet", "plain")
    for name in ("nowhere", "templates", "../functions/greet"):
        with pytest.raises(UsageError, match="no folder of a function") as refused:
            own.find(name)
        assert "greet" in refused.value.remedy
        assert "users-api" in refused.value.remedy


def test_learners_have_folders_of_their_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    here = dataclasses.replace(settings(), build=tmp_path / "build")
    monkeypatch.setattr(folders, "settings", lambda: here)
    assert Folders.of("").own == tmp_path / "build" / "functions"
    assert Folders.of("ann").own == tmp_path / "build" / "functions-ann"


def described(own: Folders, **changes: object) -> Function:
    """A function whose ``stack.yml`` says what is given."""
    folder = own.new("greet", "plain", exist_ok=True)
    said = Deployment.model_validate(
        {"lang": "plain", "handler": ".", "image": IMAGE, **changes}
    )  # fmt: skip
    Stack(functions={"greet": said}).save(folder / stack.FILE)
    return Function("greet", own.own)


def test_what_stack_yml_says_is_asked_for_as_faas_cli_would(own: Folders) -> None:
    function = described(
        own, environment={"A": "1"}, secrets=["key"], labels={"a": "b"}, annotations={"c": "d"},
        limits=Resources(memory="64Mi"), requests=Resources(cpu="10m"), constraints=["disk=ssd"],
        readonly_root_filesystem=True,
    )  # fmt: skip
    assert folders.request(function, image="i:1", namespace="n", labels={"x": "y"}) == {
        "service": "greet",
        "image": "i:1",
        "namespace": "n",
        "envVars": {"A": "1"},
        "constraints": ["disk=ssd"],
        "secrets": ["key"],
        "labels": {"a": "b", "x": "y"},
        "annotations": {"c": "d"},
        "limits": {"memory": "64Mi"},
        "requests": {"cpu": "10m"},
        "readOnlyRootFilesystem": True,
    }


def test_what_stack_yml_does_not_say_is_not_asked_for(own: Folders) -> None:
    asked = folders.request(described(own), image="i:1", namespace="n", labels={})
    assert asked == {"service": "greet", "image": "i:1", "namespace": "n"}


def test_variables_come_from_files_as_well(own: Folders) -> None:
    function = described(own, environment={"A": "1", "B": "1"}, environment_file=["more.yml"])
    (function.folder / "more.yml").write_text("environment: {B: '2', C: yes}\n")
    assert folders.environment(function) == {"A": "1", "B": "2", "C": "yes"}


@pytest.mark.parametrize("text", [None, "[", "A: 1", "environment: A"])
def test_a_file_without_variables_is_refused(own: Folders, text: str | None) -> None:
    function = described(own, environment_file=["more.yml"])
    if text is not None:
        (function.folder / "more.yml").write_text(text)
    with pytest.raises(LabError, match=r"more\.yml gives greet no variables"):
        folders.environment(function)


def test_the_course_says_in_which_namespace_functions_run(own: Folders) -> None:
    assert folders.deployment(described(own, namespace="openfaas-fn"))
    with pytest.raises(LabError, match="asks for the namespace kube-system"):
        folders.deployment(described(own, namespace="kube-system"))


def test_a_function_without_a_stack_yml_cannot_be_deployed() -> None:
    with pytest.raises(LabError, match=r"users-api has no stack\.yml"):
        folders.deployment(Function("users-api"))


def test_somebody_elses_image_stays_as_it_is_called(own: Folders) -> None:
    name = "ghcr.io/openfaas/figlet:latest"
    assert folders.image(described(own, image=name)) == name
    assert not folders.is_ours(name)
