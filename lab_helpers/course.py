"""The chapters: found, selected, executed with papermill, undone."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import _progress, record
from ._config import ROOT, environment, export, settings
from ._exceptions import CommandError, UsageError, tail
from ._exec import PYTHON, call, stream
from ._exec import run as run_program
from ._files import give_to_owner
from ._kubectl import kubectl
from ._manifests import LEARNER, Place
from .cluster import Connection
from .functions import CHAPTER
from .openfaas import FUNCTIONS
from .session import variables

NOTEBOOKS = ROOT / "notebooks"
LABEL = CHAPTER
"""``reset`` goes by it."""


@dataclass(frozen=True)
class Chapter:
    """One notebook of the course."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def number(self) -> str:
        return self.name[:2]

    @property
    def title(self) -> str:
        """The notebook's first heading."""
        heading = re.search(r"^# (.+)$", self._text("markdown"), re.MULTILINE)
        return heading[1].strip() if heading else self.name

    @property
    def checks(self) -> frozenset[str]:
        """What there is to pass, by its name in the record: checks and exercises."""
        code = self._text("code")
        claims = re.findall(r'\blab\.check\(\s*"([^"]*)"', code)
        exercises = re.findall(r'\blab\.exercise\(\s*"([^"]*)"', code)
        return frozenset(
            (
                *(record.key(self.number, claim) for claim in claims),
                *map(record.exercise_key, exercises),
            )
        )

    @property
    def shareable(self) -> bool:
        """Whether several learners can run it on one cluster: it asks for its names."""
        return bool(re.search(r"\blab\.name\(", self._text("code")))

    def _text(self, kind: str) -> str:
        """The text of all cells of a kind."""
        cells = json.loads(self.path.read_text())["cells"]
        return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == kind)

    @property
    def executed(self) -> Path:
        learner = settings().learner
        folder = f"notebooks-{learner}" if learner else "notebooks"
        return settings().build / folder / self.path.name


@dataclass(frozen=True)
class Result:
    """How a chapter went.

    :ivar seconds: wall time.
    :ivar cell: the failing cell's place, counted from 1.
    :ivar error: its error, one line.
    :ivar seen: the lines that its error has besides.
    """

    chapter: Chapter
    seconds: float
    cell: int | None = None
    error: str = ""
    seen: str = ""

    @property
    def passed(self) -> bool:
        return not self.error


def chapters() -> list[Chapter]:
    """Every chapter, in the course's order."""
    return [Chapter(path) for path in sorted(NOTEBOOKS.glob("[0-9][0-9]-*.ipynb"))]


def select(wanted: list[str]) -> list[Chapter]:
    """The chapters of these numbers or names; all where none is given.

    :raises UsageError: there is no such chapter.
    """
    known = chapters()
    if not wanted:
        return known
    return [_find(word, known) for word in wanted]


def _find(word: str, known: list[Chapter]) -> Chapter:
    for chapter in known:
        if word in (chapter.name, chapter.number, chapter.number.lstrip("0")):
            return chapter
    raise UsageError(
        f"there is no chapter {word!r}", remedy=", ".join(chapter.number for chapter in known)
    )


def run(selected: list[Chapter], connection: Connection) -> list[Result]:
    """Execute chapters one after the other; a failing one does not keep the others from it.

    The page of one is made while the next is executed.
    """
    export(**variables(connection))
    results, made = [], []
    with ThreadPoolExecutor(max_workers=1) as pages:
        for chapter in selected:
            results.append(_execute(chapter, {}))
            made.append(pages.submit(_make_page, chapter.executed))
    for page in made:
        page.result()
    return results


def execute(chapter: Chapter, *, parameters: dict[str, Any] | None = None) -> Result:
    """Execute one chapter with papermill, solutions in place, and make a page of it."""
    result = _execute(chapter, parameters or {})
    _make_page(chapter.executed)
    return result


def _execute(chapter: Chapter, parameters: dict[str, Any]) -> Result:
    chapter.executed.parent.mkdir(parents=True, exist_ok=True)
    chapter.executed.unlink(missing_ok=True)
    given = {"solve": True, **parameters}
    began = time.monotonic()
    try:
        with _progress.step(f"chapter {chapter.name}") as step:
            stream(
                [*PYTHON, "-m", "papermill", chapter.path, chapter.executed,
                 "--cwd", NOTEBOOKS, "--no-progress-bar", "--log-level", "INFO",
                 "--kernel", "python3", "-y", json.dumps(given)],
                env=environment(**_tool_folders()),
                on_line=_cell_progress(step),
            )  # fmt: skip
    except CommandError as failed:
        cell, error = _failure(chapter.executed) or (None, tail(failed.output or failed.what, 1))
        first, *rest = error.splitlines() or [failed.what]
        return Result(chapter, time.monotonic() - began, cell, first, "\n".join(rest))
    return Result(chapter, time.monotonic() - began)


def _tool_folders() -> dict[str, str]:
    """Where Jupyter and matplotlib put their own files: not into the reader's home."""
    base = settings().build / "tools"
    return {
        "IPYTHONDIR": str(base / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(base / "jupyter"),
        "MPLCONFIGDIR": str(base / "matplotlib"),
    }


def _cell_progress(step: _progress.Step) -> Callable[[str], None]:
    def on_line(line: str) -> None:
        if found := re.search(r"Executing Cell (\d+)", line):
            step.update(f"cell {found[1]}")

    return on_line


def _failure(executed: Path) -> tuple[int, str] | None:
    """The failing cell of an executed notebook: its place in the chapter and its error."""
    if not executed.exists():
        return None
    cells = json.loads(executed.read_text())["cells"]
    # papermill adds cells of its own: the parameters, and a link to the failure.
    own = [c for c in cells if not {"injected-parameters", "papermill-error-cell-tag"}
           & set(c["metadata"].get("tags", []))]  # fmt: skip
    for place, cell in enumerate(own, start=1):
        for output in cell.get("outputs", []):
            if output["output_type"] == "error":
                return place, f"{output['ename']}: {output['evalue'].strip()}"
    return None


def _make_page(executed: Path) -> None:
    """The executed notebook as one HTML file, pictures included, that opens anywhere."""
    if not executed.exists():
        return
    with suppress(CommandError):
        # The notebook is what counts; it is there with or without its page.
        run_program([*PYTHON, "-m", "nbconvert", "--to", "html", "--embed-images", executed])
    give_to_owner(settings().build)


def reset(connection: Connection, chapter: Chapter) -> None:
    """Remove what this learner made in a chapter, and wait until it is gone.

    That is the chapter's namespaces, and what has its label among the functions. What others made
    is not touched, nor is the record of what was passed.
    """
    learner = settings().learner
    with _progress.step(f"reset chapter {chapter.number}"):
        kubectl(connection.kubectl, connection.kubeconfig, "delete", "namespace",
                "--selector", selector(chapter), "--wait")  # fmt: skip
        # Functions of all chapters share a namespace, which stays.
        kubectl(connection.kubectl, connection.kubeconfig, "delete", "deployments,services,secrets",
                "--namespace", Place(learner).name(FUNCTIONS),
                "--selector", f"{LABEL}={chapter.number}",
                # A Deployment is gone when its pods are.
                "--cascade=foreground", "--wait")  # fmt: skip


def selector(chapter: Chapter) -> str:
    """The labels of the namespaces that this learner made in a chapter."""
    learner = settings().learner
    whose = f"{LEARNER}={learner}" if learner else f"!{LEARNER}"
    return f"{LABEL}={chapter.number},{whose}"


def goto(connection: Connection, chapter: Chapter) -> None:
    """Bring the cluster to where a chapter begins: without anything of it or of a later one.

    What earlier chapters left switched on stays.
    """
    for each in reversed(chapters()):
        if each.number >= chapter.number:
            reset(connection, each)


def open_jupyter(connection: Connection, *, port: int, browser: bool) -> int:
    """Start JupyterLab on the course and stay until it ends."""
    export(**variables(connection))
    flags = [] if browser else ["--no-browser"]
    if settings().is_root:
        flags.append("--allow-root")
    return call(
        [*PYTHON, "-m", "jupyterlab", f"--notebook-dir={ROOT}", "--ip=127.0.0.1",
         f"--port={port}", f"--LabApp.default_url=/lab/tree/notebooks/{chapters()[0].path.name}",
         *flags]
    )  # fmt: skip
