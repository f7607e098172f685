"""How the chapters are written"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import nbformat
import pytest

from lab_helpers.course import Chapter, chapters
from lab_helpers.exercises import ALL

LONGEST = 15
OPENING = (
    r"# \S",
    r"\*\*What you'll do\*\*: ",
    r"\*\*What you'll learn\*\*",
    r"\*\*What you'll need\*\*: ",
)
STUB = "# your commands"
Cells = list[dict[str, Any]]


@pytest.fixture
def cells(chapter: Chapter) -> Cells:
    return list(nbformat.read(chapter.path, as_version=4).cells)


def code(cells: Cells) -> Cells:
    return [cell for cell in cells if cell["cell_type"] == "code"]


def tags(cell: dict[str, Any]) -> list[str]:
    return list(cell["metadata"].get("tags", []))


def headings(cells: Cells) -> list[tuple[int, str]]:
    """Level and text of each heading, fenced blocks left out."""
    prose = "\n\n".join(cell["source"] for cell in cells if cell["cell_type"] == "markdown")
    prose = re.sub(r"^```.*?^```", "", prose, flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"^(#+) (.+)$", prose, flags=re.MULTILINE)
    return [(len(marks), text) for marks, text in found]


def test_chapters_are_numbered_without_gaps() -> None:
    numbers = [chapter.number for chapter in chapters()]
    assert numbers == [f"{place:02}" for place in range(1, len(numbers) + 1)]


def test_it_is_a_valid_notebook(chapter: Chapter) -> None:
    notebook = nbformat.read(chapter.path, as_version=4)
    nbformat.validate(notebook)
    assert len({cell["id"] for cell in notebook.cells}) == len(notebook.cells)


def test_it_says_its_number_and_can_be_told_to_solve_its_exercises(
    cells: Cells, chapter: Chapter
) -> None:
    (parameters,) = (cell for cell in cells if "parameters" in tags(cell))
    assert re.match(r"solve = False\b", parameters["source"])
    # Not to a database, which is a method of something.
    sources = [cell["source"] for cell in code(cells)]
    connecting = [source for source in sources if re.search(r"(?<![.\w])connect\(", source)]
    assert len(connecting) == 1
    assert f'connect(chapter="{chapter.number}", solve=solve)' in connecting[0]


def test_no_output_is_stored(cells: Cells) -> None:
    for cell in code(cells):
        assert cell["outputs"] == []
        assert cell["execution_count"] is None


def test_nothing_of_a_run_is_stored(chapter: Chapter) -> None:
    metadata = nbformat.read(chapter.path, as_version=4).metadata
    assert set(metadata) <= {"kernelspec", "language_info"}
    assert set(metadata.get("language_info", {})) <= {"name"}, "no version of somebody's Python"


def test_code_cells_fit_on_a_screen(cells: Cells) -> None:
    for cell in code(cells):
        assert cell["source"].strip()
        assert len(cell["source"].splitlines()) <= LONGEST, cell["source"]


def test_prose_comes_before_code(cells: Cells) -> None:
    """Checks follow what they check, and exercises their stub; the rest is introduced."""
    introduced = [
        before["cell_type"] == "markdown"
        for before, cell in pairwise(cells)
        if cell["cell_type"] == "code" and not tags(cell) and "lab.exercise(" not in cell["source"]
    ]
    assert sum(introduced) >= 0.8 * len(introduced)


def test_no_long_run_of_code_without_a_word(cells: Cells) -> None:
    kinds = "".join(cell["cell_type"][0] for cell in cells)
    assert "cccc" not in kinds


def test_headings_are_in_order(cells: Cells) -> None:
    found = headings(cells)
    levels = [level for level, _ in found]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels)), found
    assert len(set(found)) == len(found)


def test_it_opens_with_what_is_done_learned_and_needed(cells: Cells) -> None:
    opening = cells[0]["source"]
    assert cells[0]["cell_type"] == "markdown"
    places = [re.search(f"^{each}", opening, re.MULTILINE) for each in OPENING]
    starts = [place.start() for place in places if place]
    assert len(starts) == len(OPENING), opening
    assert starts == sorted(starts)
    assert "\n## " not in opening


def test_what_is_learned_is_a_list(cells: Cells) -> None:
    learned = cells[0]["source"].partition("**What you'll learn**")[2]
    assert len(re.findall(r"^- ", learned.partition("**What")[0], re.MULTILINE)) >= 2


def test_every_section_of_work_has_a_check(cells: Cells) -> None:
    """What was claimed is looked at: cells that are tagged so, and only those, check."""
    for cell in code(cells):
        assert ("lab.check(" in cell["source"]) == ("check" in tags(cell)), cell["source"]


def test_a_check_is_what_its_cell_shows(cells: Cells) -> None:
    """Or a learner would not see whether it passed."""
    for cell in code(cells):
        if "check" in tags(cell):
            statements = re.findall(r"^[^\s)\]}].*", cell["source"], re.MULTILINE)
            assert statements[-1].startswith("lab.check("), cell["source"]


def test_every_claim_has_a_name_of_its_own_in_the_record(cells: Cells, chapter: Chapter) -> None:
    """A claim is written out, and no other check of the chapter makes it."""
    asked = [re.findall(r"\blab\.(?:check|exercise)\(", cell["source"]) for cell in code(cells)]
    assert len(chapter.checks) == sum(map(len, asked))


def test_every_exercise_follows_a_place_for_the_learners_commands(cells: Cells) -> None:
    for before, cell in pairwise(cells):
        if "lab.exercise(" in cell["source"]:
            assert before["source"] == STUB


def test_chapters_ask_for_the_exercises_that_there_are() -> None:
    asked = [
        key
        for chapter in chapters()
        for cell in code(nbformat.read(chapter.path, as_version=4).cells)
        for key in re.findall(r'lab\.exercise\("(.+?)"\)', cell["source"])
    ]
    assert asked == list(ALL)
