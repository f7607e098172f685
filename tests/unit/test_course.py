"""lab_helpers.course, with real notebooks executed by papermill."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from lab_helpers import UsageError, course
from lab_helpers._config import settings
from lab_helpers.cluster import Connection
from lab_helpers.course import Chapter, Result, chapters, select

PARAMETERS = new_code_cell("solve = False", metadata={"tags": ["parameters"]})


def write_notebook(path: Path, *sources: str) -> Path:
    cells = [new_markdown_cell("# A chapter"), PARAMETERS, *map(new_code_cell, sources)]
    # Without a kernel of its own: the course's is used whatever a notebook says.
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": KERNEL}), path)
    return path


KERNEL = {"name": "no-such-kernel", "display_name": "None", "language": "python"}


@pytest.fixture(scope="module")
def went(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Result]]:
    """How a course of a good chapter and of all kinds of bad ones went."""
    root = tmp_path_factory.mktemp("clone")
    notebooks = root / "notebooks"
    notebooks.mkdir()
    fail = "assert solve is True\nraise ValueError('first line\\nsecond line')"
    write_notebook(notebooks / "01-fails.ipynb", "1", fail, "open('after', 'w')")
    write_notebook(notebooks / "02-dies.ipynb", "import os; os._exit(1)")
    write_notebook(notebooks / "03-good.ipynb", "import os; print(os.environ['KUBECONFIG'])")
    connection = Connection(
        "embedded", root / "kubeconfig", "localhost", 81, "r:82", "r:82", root / "kubectl"
    )
    before = dict(os.environ)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(course, "NOTEBOOKS", notebooks)
        here = dataclasses.replace(settings(), build=root / "build")
        patch.setattr(course, "settings", lambda: here)
        # A page takes as long to make as a small chapter to run; tests/notebooks has pages.
        patch.setattr(course, "_make_page", lambda _: None)
        results = course.run(chapters(), connection)
        yield {result.chapter.name: result for result in results}
    os.environ.clear()
    os.environ.update(before)


@pytest.mark.parametrize("word", ["01", "1", "01-install-the-cluster"])
def test_a_chapter_is_selected_by_number_or_name(word: str) -> None:
    assert [chapter.name for chapter in select([word])] == ["01-install-the-cluster"]


def test_without_a_word_every_chapter_is_selected_in_order() -> None:
    numbers = [chapter.number for chapter in select([])]
    assert numbers == [f"{place:02}" for place in range(1, len(numbers) + 1)]


def test_chapters_are_selected_in_the_order_of_the_words() -> None:
    assert [chapter.number for chapter in select(["01", "01"])] == ["01", "01"]


@pytest.mark.parametrize("word", ["99", "", "install", "../01-install-the-cluster"])
def test_an_unknown_chapter_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="there is no chapter") as refused:
        select([word])
    assert refused.value.remedy.startswith("01")


def test_the_title_is_the_first_heading() -> None:
    assert select(["01"])[0].title == "Install the cluster and run a first workload"


@pytest.mark.parametrize("title", ['Say "hello"', "Größe & Maß", "Back\\slash"])
def test_a_title_may_hold_any_letter(title: str, tmp_path: Path) -> None:
    cells = [new_markdown_cell(f"# {title}\n\nText.")]
    nbformat.write(new_notebook(cells=cells), tmp_path / "01-x.ipynb")
    assert Chapter(tmp_path / "01-x.ipynb").title == title


def test_every_chapter_is_run_whatever_the_others_do(went: dict[str, Result]) -> None:
    passed = {name: result.passed for name, result in went.items()}
    assert passed == {"01-fails": False, "02-dies": False, "03-good": True}


def test_a_failing_cell_is_named_by_its_place_in_the_chapter(went: dict[str, Result]) -> None:
    failed = went["01-fails"]
    # Counted as the reader sees it: heading, parameters, 1, failure; nothing that was injected.
    assert failed.cell == 4
    assert (failed.error, failed.seen) == ("ValueError: first line", "second line")


def test_a_chapter_stops_at_its_failure(went: dict[str, Result]) -> None:
    assert not (course.NOTEBOOKS / "after").exists()
    cells = json.loads(went["01-fails"].chapter.executed.read_text())["cells"]
    assert cells[-1]["execution_count"] is None


def test_a_kernel_that_dies_is_an_error_without_a_cell(went: dict[str, Result]) -> None:
    assert went["02-dies"].cell is None
    assert "Kernel died" in went["02-dies"].error


def test_chapters_run_connected_to_the_cluster(went: dict[str, Result]) -> None:
    (output,) = json.loads(went["03-good"].chapter.executed.read_text())["cells"][-1]["outputs"]
    assert "".join(output["text"]).endswith("/kubeconfig\n")


def test_a_file_that_is_no_notebook_fails_with_an_error_of_its_own(
    went: dict[str, Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not with that of the last execution, which papermill leaves where it was."""
    chapter = went["01-fails"].chapter
    monkeypatch.setattr(course, "_make_page", lambda _: None)
    chapter.path.write_text("{")
    again = course.execute(chapter)
    assert not again.passed
    assert again.cell is None
    assert "\n" not in again.error
    assert "first line" not in again.error


def test_the_errors_place_ignores_cells_without_outputs(tmp_path: Path) -> None:
    assert course._failure(tmp_path / "not there") is None
    nbformat.write(new_notebook(cells=[new_markdown_cell("x")]), tmp_path / "fine.ipynb")
    assert course._failure(tmp_path / "fine.ipynb") is None


def test_what_there_is_to_pass_is_read_from_the_notebook(tmp_path: Path) -> None:
    path = write_notebook(
        tmp_path / "07-x.ipynb",
        'lab.check("one pod", pods, seen=pods)\nlab.check(\n    "two pods", pods)',
        'lab.exercise("07/scale")',
        'print(my_lab.check("this is none"))',
    )
    assert Chapter(path).checks == {"07.one-pod", "07.two-pods", "07.exercise-scale"}


def as_learner(monkeypatch: pytest.MonkeyPatch, learner: str) -> None:
    monkeypatch.setattr(
        course, "settings", lambda: dataclasses.replace(settings(), learner=learner)
    )


def test_every_learner_has_executed_chapters_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    chapter = chapters()[0]
    folders = {chapter.executed.parent.name}
    for learner in ("ann", "bob"):
        as_learner(monkeypatch, learner)
        folders.add(chapter.executed.parent.name)
    assert folders == {"notebooks", "notebooks-ann", "notebooks-bob"}


def test_a_reset_is_of_one_learners_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    chapter = chapters()[0]
    assert course.selector(chapter) == "lab.serverless/chapter=01,!lab.serverless/learner"
    as_learner(monkeypatch, "ann")
    assert course.selector(chapter) == "lab.serverless/chapter=01,lab.serverless/learner=ann"


@pytest.mark.parametrize(
    ("learner", "namespaces", "functions"),
    [
        ("", "lab.serverless/chapter=01,!lab.serverless/learner", "openfaas-fn"),
        ("ann", "lab.serverless/chapter=01,lab.serverless/learner=ann", "ann-openfaas-fn"),
    ],
)
def test_a_reset_removes_namespaces_and_functions_of_the_chapter_and_nothing_else(
    learner: str, namespaces: str, functions: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told: list[str] = []
    monkeypatch.setattr(course, "kubectl", lambda *words, **_: told.append(" ".join(words[2:])))
    as_learner(monkeypatch, learner)
    connection = Connection("embedded", tmp_path, "localhost", 81, "r:82", "r:82", tmp_path)
    course.reset(connection, chapters()[0])
    assert told == [
        f"delete namespace --selector {namespaces} --wait",
        f"delete deployments,services,secrets --namespace {functions} "
        "--selector lab.serverless/chapter=01 --cascade=foreground --wait",
    ]


def test_going_to_a_chapter_resets_it_and_what_comes_after(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("01-a", "02-b", "03-c", "10-d"):
        write_notebook(tmp_path / f"{name}.ipynb")
    undone: list[str] = []
    monkeypatch.setattr(course, "NOTEBOOKS", tmp_path)
    monkeypatch.setattr(course, "reset", lambda _, chapter: undone.append(chapter.number))
    connection = Connection("embedded", tmp_path, "localhost", 81, "r:82", "r:82", tmp_path)
    course.goto(connection, *select(["02"]))
    assert undone == ["10", "03", "02"]
