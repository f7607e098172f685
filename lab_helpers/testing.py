"""The tests, stage by stage in one run of pytest, and a diagnosis where they fail.

Most of a test's time is waiting: for pods to come, and for pods to go. So two workers of
pytest-xdist do the tests, each on a cluster of its own; ``tests/conftest.py`` hands them out.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from ._config import LONGEST_NAME, ROOT, environment, export, settings
from ._exceptions import LabError, UsageError, tail
from ._exec import PYTHON, call
from ._files import give_to_owner, remove_tree
from ._kubectl import kubectl
from .cluster import Provider, provider
from .cluster.embedded.provider import EmbeddedProvider
from .session import variables

STAGES = ("unit", "functions", "manifests", "integration", "notebooks", "faults")
"""Folders of ``tests/``, in an order in which an earlier failure explains the later ones."""

TESTS = ROOT / "tests"
WORKERS = 2
BESIDE = "-2"
"""What the name of the second worker's cluster ends with, and that of its ``build`` folder."""
_EVENTS = 30
_SLOWEST = 25
"""Tests whose time is said in the end: whoever wants to save some begins there."""
_LINES = 8


def select(wanted: list[str]) -> list[str]:
    """The stages of these names, in the order in which they run; all where none is given.

    :raises UsageError: there is no such stage.
    """
    for word in wanted:
        if word not in STAGES:
            raise UsageError(f"there is no stage {word!r}", remedy=", ".join(STAGES))
    return [stage for stage in STAGES if stage in wanted or not wanted]


def needs_cluster(selected: list[str]) -> bool:
    """Whether these stages test anything but the code on its own."""
    return not set(selected) <= {"unit", "functions"}


def run(selected: list[str], *, full: bool) -> int:
    """Run the stages and return pytest's exit code; its closing line ends the output.

    :param full: with what takes long, too.
    :raises LabError: the stages need a cluster, and it does not run.
    """
    source = provider() if needs_cluster(selected) else None
    connected = variables(source.connection()) if source else {}
    # nbval takes seconds to load; the tests that need it start it themselves.
    flags = ["-v", "-p", "no:cacheprovider", "-p", "no:nbval", f"--durations={_SLOWEST}",
             *(["--full"] if full else [])]  # fmt: skip
    folders = [TESTS / stage for stage in selected]
    try:
        code = call(
            [*PYTHON, "-m", "pytest", *flags, *_side_by_side(source), *folders],
            env=environment(**connected),
            cwd=ROOT,
        )
        if code != 0:
            _diagnose_all(source)
    finally:
        for second in _second(source):
            second.delete()
    return code


def _side_by_side(source: Provider | None) -> list[str]:
    """How pytest is told to; a cluster that is not the course's is the only one there is."""
    alone = source is not None and source.name != "embedded"
    workers = min(os.cpu_count() or 1, WORKERS)
    if alone or workers < 2:
        return []
    # In the order of the stages: xdist would begin with the modules that have most tests.
    return ["-p", "xdist", f"--numprocesses={workers}", "--no-loadscope-reorder"]


def become_second() -> None:
    """Have this process, and what it starts, use a cluster and a folder of their own."""
    here = settings()
    export(LAB_NAME=_beside(here.name), LAB_BUILD=f"{here.build}{BESIDE}", KUBECONFIG="")


def _beside(name: str) -> str:
    return name[: LONGEST_NAME - len(BESIDE)] + BESIDE


def _second(source: Provider | None) -> list[Provider]:
    """The second worker's cluster, where it made one."""
    if source is None or source.name != "embedded":
        return []
    second = EmbeddedProvider(_beside(settings().name))
    return [] if second.status().state == "absent" else [second]


def _diagnose_all(source: Provider | None) -> None:
    folder = settings().build / "diagnostics"
    if source is not None:
        diagnose(source, folder)
    for second in _second(source):
        print("── the second worker's cluster", file=sys.stderr)
        diagnose(second, folder.with_name(f"{folder.name}{BESIDE}"))


def diagnose(source: Provider, folder: Path) -> None:
    """Show on stderr what may explain a failure; all of it is kept in a folder."""
    remove_tree(folder)
    folder.mkdir(parents=True)
    with suppress(LabError):
        source.collect_logs(folder)
    give_to_owner(settings().build)
    _show("pods", partial(_get, source, "pods", "--output=wide"))
    _show("recent events", partial(_events, source))
    for log in sorted(folder.rglob("*")):
        if log.is_file() and log.name.endswith(("current", "sandbox.log", "logs.txt")):
            _show(str(log.relative_to(folder)), partial(_end, log))
    print(f"all of it: {folder}", file=sys.stderr)


def _show(title: str, look: Callable[[], str]) -> None:
    """What cannot be had says so; it must not hide the rest."""
    try:
        seen = look()
    except LabError as refused:
        seen = str(refused)
    print(f"── {title}\n{seen.strip()}", file=sys.stderr)


def _get(source: Provider, *what: str) -> str:
    cluster = source.connection()
    where = ("get", "--all-namespaces", *what)
    return kubectl(cluster.kubectl, cluster.kubeconfig, *where, timeout=20)


def _events(source: Provider) -> str:
    return tail(_get(source, "events", "--sort-by=.lastTimestamp"), _EVENTS)


def _end(log: Path) -> str:
    return tail(log.read_text(errors="replace"), _LINES)
