"""The tests, stage by stage in one pytest process, and a diagnosis where they fail."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from ._config import ROOT, environment, settings
from ._exceptions import LabError, UsageError, tail
from ._exec import PYTHON, call
from ._files import give_to_owner, remove_tree
from ._kubectl import kubectl
from .cluster import Provider, provider
from .session import variables

STAGES = ("unit", "functions", "manifests", "integration", "notebooks", "faults")
"""Folders of ``tests/``, in an order in which an earlier failure explains the later ones."""

TESTS = ROOT / "tests"
_EVENTS = 30
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
    flags = ["-v", "-p", "no:cacheprovider", "-p", "no:nbval", *(["--full"] if full else [])]
    folders = [TESTS / stage for stage in selected]
    code = call(
        [*PYTHON, "-m", "pytest", *flags, *folders],
        env=environment(**connected),
        cwd=ROOT,
    )
    if code != 0 and source is not None:
        diagnose(source)
    return code


def diagnose(source: Provider) -> None:
    """Show on stderr what may explain a failure; all of it is kept in ``build/diagnostics``."""
    folder = settings().build / "diagnostics"
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
