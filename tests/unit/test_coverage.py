"""docs/coverage.md names chapters, headings and tests that there are"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import nbformat
import pytest

from lab_helpers._config import ROOT
from lab_helpers.course import chapters

PAGE = ROOT / "docs" / "coverage.md"
TEXT = PAGE.read_text()
LINKS = dict(re.findall(r"^\[(\d\d)\]: (\S+)$", TEXT, re.MULTILINE))
"""Where the numbers of chapters lead."""
TESTS = sorted(set(re.findall(r"`(tests/[^`]*)`", TEXT)))
NAMED = re.compile(r"\[(\d\d)\] ((?:\*[^*]+\*(?:, | and )?)+)")
"""A chapter, and the headings that are named for it."""
STATES = {"done", "otherwise", "planned", "not done"}


def headings() -> list[tuple[str, str]]:
    """Each heading that is named, with its chapter's number."""
    named = {
        (number, heading)
        for number, words in NAMED.findall(TEXT)
        for heading in re.findall(r"\*([^*]+)\*", words)
    }
    return sorted(named)


def steps() -> list[list[str]]:
    """The rows of the tables of steps, which have five columns."""
    lines = [line for line in TEXT.splitlines() if re.match(r"\| (?!thesis step|---)", line)]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in rows if len(row) == 5]


STEPS = steps()


@cache
def defined(path: Path) -> set[str]:
    return {each.name for each in ast.parse(path.read_text()).body
            if isinstance(each, ast.FunctionDef)}  # fmt: skip


@cache
def headings_of(path: Path) -> set[str]:
    cells = nbformat.read(path, as_version=4).cells
    texts = (cell.source for cell in cells if cell.cell_type == "markdown")
    return {found for text in texts for found in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}


@pytest.mark.parametrize("name", TESTS)
def test_a_test_that_is_named_is_there(name: str) -> None:
    path, _, test = name.partition("::")
    assert test.startswith("test_")
    assert test in defined(ROOT / path)


def test_every_chapter_is_linked() -> None:
    linked = {number: (PAGE.parent / link).resolve() for number, link in LINKS.items()}
    assert linked == {each.number: each.path.resolve() for each in chapters()}


@pytest.mark.parametrize(("number", "heading"), headings())
def test_a_heading_that_is_named_is_in_its_chapter(number: str, heading: str) -> None:
    assert heading in headings_of(PAGE.parent / LINKS[number])


def test_no_chapter_is_named_without_a_heading() -> None:
    named = re.findall(r"\[(\d\d)\](?!:)", TEXT)
    assert len(named) == len(NAMED.findall(TEXT))
    assert set(named) == set(LINKS)


def test_every_row_is_a_step_of_five_columns() -> None:
    _, _, tables = TEXT.partition("| thesis step |")
    rows = re.findall(r"^\| (?!thesis step|---)", tables, re.MULTILINE)
    assert len(STEPS) == len(rows) > 0


@pytest.mark.parametrize("step", STEPS, ids=[step[0] for step in STEPS])
def test_a_step_is_proved_or_says_why_it_is_not(step: list[str]) -> None:
    what, where, proof, state, runs = step
    assert what
    assert state in STATES
    if state in ("done", "otherwise"):
        assert NAMED.search(where)
        assert "::test_" in proof
    elif state == "planned":
        assert where.startswith("planned")
    assert runs or state == "planned"
