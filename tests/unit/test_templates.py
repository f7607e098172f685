"""lab_helpers.templates, and how a function is made with one

The images are not made here: what would go into them is.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lab_helpers import CommandError, LabError, UsageError, templates
from lab_helpers._files import write
from lab_helpers.functions import Function
from lab_helpers.templates import TEMPLATES

STACK = """
functions:
  hello: {lang: %s, handler: %s, image: localhost:32000/lab/hello}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A learner's folder: a template, another that extends it, and a function."""
    own = tmp_path / "templates"
    write(own / "plain/template.yml", "language: plain\nbase: python\n")
    write(own / "plain/Containerfile", "ARG BASE\nFROM ${BASE}\n")
    write(own / "plain/server/main.py", "import handler\n")
    write(own / "plain/server/answer.py", "ANSWER = 1\n")
    write(own / "plain/function/handler.py", "def handle(event, context): ...\n")
    write(own / "loud/template.yml", "language: loud\nextends: plain\n")
    write(own / "loud/server/answer.py", "ANSWER = 2\n")
    write(tmp_path / "hello/stack.yml", STACK % ("plain", "."))
    write(tmp_path / "hello/handler.py", "def handle(event, context): ...\n")
    return tmp_path


@pytest.fixture
def hello(root: Path) -> Function:
    os.environ["LAB_BUILDER"] = "podman"
    return Function("hello", root)


def test_a_template_that_extends_another_has_only_what_is_different(root: Path) -> None:
    loud = templates.find("loud", root / "templates")
    plain = root / "templates/plain"
    assert loud.kind == "python"
    assert loud.recipe == plain / "Containerfile"
    assert loud.server == {
        "main.py": plain / "server/main.py",
        "answer.py": root / "templates/loud/server/answer.py",
    }
    assert loud.beginning == {"handler.py": plain / "function/handler.py"}


def test_the_packages_of_both_are_needed(root: Path) -> None:
    for name in ("plain", "loud"):
        write(root / f"templates/{name}/requirements.txt", f"# {name}\n")
    pinned = templates.find("loud", root / "templates").requirements
    assert [file.parent.name for file in pinned] == ["loud", "plain"]


def test_ones_own_templates_come_before_the_courses(root: Path) -> None:
    assert templates.names() == sorted(path.parent.name for path in TEMPLATES.glob("*/*.yml"))
    name = templates.names()[0]
    write(root / f"templates/{name}/template.yml", f"language: {name}\nbase: python\n")
    assert templates.find(name).folders[0] == TEMPLATES / name
    assert templates.find(name, root / "templates").folders == (root / "templates" / name,)
    assert {name, "plain", "loud"} < {*templates.names(root / "templates"), "more"}


def test_every_template_of_the_course_can_be_used() -> None:
    for name in templates.names():
        template = templates.find(name)
        assert template.recipe.exists()
        assert template.server
        assert template.beginning


@pytest.mark.parametrize("name", ["none", "../plain", "", "plain/server"])
def test_a_template_that_is_not_there_is_an_error(root: Path, name: str) -> None:
    with pytest.raises(UsageError, match="there is no template") as refused:
        templates.find(name, root / "templates")
    assert "loud" in refused.value.remedy


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ("language: odd\nextends: odd\n", "extends itself"),
        ("language: odd\n", "neither base nor extends"),
        ("language: other\nbase: python\n", "another template's"),
        ("language: odd\nfprocess: python3\n", "fprocess"),
        ("language: [\n", "cannot be used"),
    ],
)
def test_a_template_that_cannot_be_used_says_why(root: Path, said: str, complaint: str) -> None:
    write(root / "templates/odd/template.yml", said)
    with pytest.raises(LabError) as refused:
        templates.find("odd", root / "templates")
    assert complaint in str(refused.value)


def test_a_base_that_is_not_there_is_an_error(root: Path) -> None:
    write(root / "templates/odd/template.yml", "language: odd\nbase: cobol\n")
    with pytest.raises(UsageError, match="no base 'cobol'"):
        _ = templates.find("odd", root / "templates").base


def test_a_function_is_made_by_its_templates_recipe(hello: Function) -> None:
    assert hello.recipe == hello.root / "templates/plain/Containerfile"
    assert [part.name for part in hello.artifacts][-3:] == [
        "packages-plain", "template-plain", "function-hello",
    ]  # fmt: skip
    write(hello.folder / "Containerfile", "FROM scratch\n")
    alone = Function("hello", hello.root)
    assert alone.recipe == hello.folder / "Containerfile"
    assert alone.template is None


def test_packages_are_shared_until_a_function_needs_more(hello: Function) -> None:
    shared = hello.packages
    other = Function("other", hello.root)
    write(other.folder / "stack.yml", (STACK % ("plain", ".")).replace("hello:", "other:"))
    assert other.packages.path == shared.path
    write(hello.folder / "requirements.txt", "\n")
    assert hello.packages.path == shared.path
    write(hello.folder / "requirements.txt", "# more\n")
    assert hello.packages.name == "packages-hello"
    assert hello.packages.key != shared.key


def test_the_tag_follows_the_template_as_well(hello: Function) -> None:
    seen = {hello.reference}
    write(hello.root / "templates/plain/server/main.py", "")
    seen.add(Function("hello", hello.root).reference)
    write(hello.root / "templates/plain/Containerfile", "FROM scratch\n")
    seen.add(Function("hello", hello.root).reference)
    write(hello.root / "templates/plain/requirements.txt", "# nothing\n")
    seen.add(Function("hello", hello.root).reference)
    # What a function begins with is not what it is.
    write(hello.root / "templates/plain/function/handler.py", "")
    seen.add(Function("hello", hello.root).reference)
    # Where it is deployed, neither.
    write(hello.folder / "stack.yml", STACK % ("plain", "./"))
    seen.add(Function("hello", hello.root).reference)
    assert len(seen) == 4


def test_the_handlers_folder_may_be_one_of_its_own(hello: Function) -> None:
    write(hello.folder / "stack.yml", STACK % ("plain", "./code"))
    write(hello.folder / "code/handler.py", "")
    assert list(hello.files) == ["handler.py"]


@pytest.mark.parametrize("handler", ["..", "/etc", "./none", "handler.py"])
def test_code_that_is_elsewhere_is_refused(hello: Function, handler: str) -> None:
    write(hello.folder / "stack.yml", STACK % ("plain", handler))
    with pytest.raises(LabError, match="hello has no code") as refused:
        _ = hello.files
    assert handler in refused.value.seen


def test_a_stack_of_another_function_is_refused(hello: Function) -> None:
    stack = (STACK % ("plain", ".")).replace("hello:", "other:")
    write(hello.folder / "stack.yml", stack)
    with pytest.raises(LabError, match="deploys no function hello"):
        _ = hello.template


def test_what_is_broken_in_a_template_is_told_with_its_line(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab_helpers.bases.shutil.which", lambda _: None)
    write(root / "templates/plain/server/main.py", "\nimport\n")
    function = Function("hello", root)
    assert function.server
    with pytest.raises(CommandError) as refused:
        function.server.build()
    assert '/opt/template/main.py", line 2' in refused.value.seen
