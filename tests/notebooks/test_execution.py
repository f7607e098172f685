"""Every chapter, executed on the cluster in all the ways that readers and CI do"""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from lab_helpers import Lab, course
from lab_helpers._config import ROOT, environment
from lab_helpers.course import Chapter, chapters

from .conftest import left_behind

SECONDS = 600
"""Ends a chapter that hangs. The longest, with what it enables, takes 300 s on a slow machine."""
COURSE = SECONDS * len(chapters())


def must_pass(chapter: Chapter, lab: Lab) -> None:
    result = course.execute(chapter)
    assert result.passed, f"cell {result.cell}: {result.error}\n{result.seen}"
    assert left_behind(lab, chapter) == [], "the chapter did not clean up"
    assert chapter.title in chapter.executed.with_suffix(".html").read_text()


@pytest.mark.timeout(SECONDS)
def test_papermill_executes_it(chapter: Chapter, lab: Lab) -> None:
    course.reset(lab.connection, chapter)
    must_pass(chapter, lab)


@pytest.mark.timeout(SECONDS)
def test_nbval_executes_it(chapter: Chapter, lab: Lab, tmp_path: Path) -> None:
    course.reset(lab.connection, chapter)
    tools = {"IPYTHONDIR": str(tmp_path), "JUPYTER_RUNTIME_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist",
         "--nbval-lax", f"--timeout={SECONDS}", chapter.path],
        env=environment(LAB_SOLVE="1", **tools), cwd=ROOT, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    cells = nbformat.read(chapter.path, as_version=4).cells
    assert done.returncode == 0, done.stdout + done.stderr
    count = sum(cell.cell_type == "code" for cell in cells)
    assert f"{count} passed" in done.stdout.splitlines()[-1]
    assert left_behind(lab, chapter) == [], "the chapter did not clean up"


@pytest.mark.parametrize(("value", "expected"), [("1", "True"), ("", "False")])
@pytest.mark.usefixtures("lab")
def test_nobody_needs_to_be_there_when_the_environment_says_so(value: str, expected: str) -> None:
    """Or nbval, which injects no parameters, would pass over every exercise."""
    ask = "import lab_helpers; print(lab_helpers.connect(solve=False).solve)"
    said = subprocess.run(
        [sys.executable, "-c", ask], env=environment(LAB_SOLVE=value), capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    assert said.stdout.strip() == expected


@pytest.mark.full
@pytest.mark.timeout(2 * SECONDS)
def test_it_needs_no_other_chapter_and_can_be_run_again(chapter: Chapter, clean: Lab) -> None:
    for _ in range(2):
        must_pass(chapter, clean)


@pytest.mark.full
@pytest.mark.timeout(COURSE)
@pytest.mark.parametrize("seed", [1, 2])
def test_chapters_run_in_any_order(seed: int, clean: Lab) -> None:
    order = chapters()
    random.Random(seed).shuffle(order)  # noqa: S311 - no secret
    for chapter in order:
        must_pass(chapter, clean)


KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
PARTS = ("functions", "images", "lab_helpers", "manifests", "programs")
# `lab run` on another clone: the folder of the notebooks, and where they are executed to.
LAB_RUN = """if True:
    import sys
    from pathlib import Path
    from lab_helpers import _config
    _config.ROOT = Path(sys.argv.pop(1))
    from lab_helpers import cli
    sys.exit(cli.main())
"""


@pytest.fixture
def lab_run(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(**notebooks: list[str]) -> subprocess.CompletedProcess[str]:
        (tmp_path / "notebooks").mkdir()
        for name in PARTS:
            (tmp_path / name).symlink_to(ROOT / name)
        for place, (name, sources) in enumerate(notebooks.items(), start=1):
            parameters = new_code_cell("solve = False", metadata={"tags": ["parameters"]})
            cells = [new_markdown_cell(f"# {name}"), parameters, *map(new_code_cell, sources)]
            path = tmp_path / "notebooks" / f"{place:02}-{name}.ipynb"
            nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": KERNEL}), path)
        return subprocess.run(
            [sys.executable, "-c", LAB_RUN, tmp_path, "run"],
            env=environment(COLUMNS="160", LAB_BUILD=""), capture_output=True, text=True,
            check=False,
        )  # fmt: skip

    return run


CONNECT = "from lab_helpers import connect\nlab = connect(solve=solve)"


@pytest.mark.usefixtures("lab")
def test_a_failing_chapter_is_reported_and_the_others_go_on(
    lab_run: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    claim = 'lab.check("pigs fly", False, seen="a pig on the ground")'
    went = lab_run(
        fine=[CONNECT, "lab"], broken=[CONNECT, claim, "lab"], last=[CONNECT, "print(lab)"]
    )
    assert went.returncode == 1
    rows = [line.split() for line in went.stdout.splitlines() if ".ipynb" in line]
    assert [row[1] for row in rows] == ["01-fine", "02-broken", "03-last"]
    assert [row[3] for row in rows] == ["passed", "failed", "passed"]
    assert rows[1][-8:] == ["4", "│", "CheckFailed:", "not", "so:", "pigs", "fly", "│"]
    executed = (tmp_path / "build/notebooks/03-last.ipynb").read_text()
    assert "<Kubernetes v" in executed
    page = (tmp_path / "build/notebooks/02-broken.html").read_text()
    assert "a pig on the ground" in page, "a failed chapter has a page to look at, too"


@pytest.mark.usefixtures("lab")
def test_a_course_without_a_failure_ends_well(
    lab_run: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    went = lab_run(fine=[CONNECT, "assert lab.solve"])
    assert went.returncode == 0, went.stdout + went.stderr
    assert "failed" not in went.stdout
