"""What there is, what is missing, what was measured: for people, and as JSON."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from . import components, course, record
from ._config import ROOT, settings
from ._exceptions import LabError, UsageError
from ._manifests import Place
from .cluster import Provider


def status(provider: Provider) -> dict[str, Any]:
    """The state of the cluster, its addresses, and the course's chapters.

    Shape: ``{"cluster": {"provider", "state", "detail", …addresses while it runs},
    "components": [{"component", "title", "state", "version", "built"}],
    "chapters": [{"chapter", "title", "executed", "passed", "checks"}]}``: how many checks a
    chapter has, and how many of them this learner has passed, None where the cluster does not say.
    """
    found = provider.status()
    cluster: dict[str, Any] = {"provider": provider.name, **asdict(found)}
    if found.state in ("running", "broken"):
        connection = provider.connection()
        cluster["kubeconfig"] = str(connection.kubeconfig)
        page = Place(settings().learner).name("NAME")
        cluster["pages"] = f"http://{page}.{connection.domain}:{connection.ingress_port}"
        cluster["registry"] = connection.registry_address
    passed = _passed(provider) if found.state == "running" else None
    return {
        "cluster": cluster,
        "components": _components(provider) if found.state == "running" else _components(None),
        "chapters": [_chapter(c, passed) for c in course.chapters()],
    }


def _components(provider: Provider | None) -> list[dict[str, Any]]:
    """Every component; its state is None where the cluster does not say."""
    known = None
    if provider is not None:
        with suppress(LabError):
            known = components.enabled(provider.connection())
    return [_component(components.declaration(name), known) for name in components.names()]


def _component(
    component: components.Declaration, known: dict[str, components.Entry] | None
) -> dict[str, Any]:
    entry = (known or {}).get(component.name)
    return {
        "component": component.name,
        "title": component.title,
        "state": None if known is None else entry.state if entry else "disabled",
        "version": components.version(component),
        "built": all(each.exists for each in components.artifacts(component)),
    }


def _passed(provider: Provider) -> frozenset[str] | None:
    noted = record.read(provider.connection(), learner=settings().learner)
    return None if noted is None else frozenset(noted)


def _chapter(chapter: course.Chapter, passed: frozenset[str] | None) -> dict[str, Any]:
    executed, checks = chapter.executed, chapter.checks
    return {
        "chapter": chapter.name,
        "title": chapter.title,
        "executed": _shown(executed) if executed.exists() else None,
        "passed": None if passed is None else len(checks & passed),
        "checks": len(checks),
    }


def print_status(found: dict[str, Any]) -> None:
    """Show :func:`status` to people."""
    table = Table(show_header=False, box=None)
    table.add_column()
    table.add_column(overflow="fold")
    for key, value in found["cluster"].items():
        if value:
            table.add_row(f"[dim]{key}[/dim]", escape(str(value)))
    Console().print(table)
    parts = Table("component", "version", "state", "images")
    for each in found["components"]:
        built = "built" if each["built"] else "not built yet"
        parts.add_row(each["component"], each["version"], each["state"] or "?", built)
    Console().print(parts)
    chapters = Table()
    # A chapter's name is what other commands take: the title and the path give way to it.
    chapters.add_column("chapter", overflow="fold", no_wrap=True)
    for name in ("title", "passed", "executed notebook"):
        chapters.add_column(name, overflow="fold")
    for chapter in found["chapters"]:
        chapters.add_row(*map(escape, _row(chapter)))
    Console().print(chapters)


def _row(chapter: dict[str, Any]) -> tuple[str, ...]:
    passed = "?" if chapter["passed"] is None else str(chapter["passed"])
    checks = f"{passed} of {chapter['checks']}"
    return chapter["chapter"], chapter["title"], checks, chapter["executed"] or "not yet"


def doctor() -> list[dict[str, Any]]:
    """What this machine has and lacks for the embedded cluster.

    Shape: ``[{"what", "ok", "seen", "remedy"}]``.
    """
    from .cluster.embedded.preflight import findings

    return [asdict(finding) for finding in findings()]


def print_doctor(found: list[dict[str, Any]]) -> None:
    """Show :func:`doctor` to people."""
    table = Table("", "needed", "seen", "what mends it")
    for each in found:
        mark = "[green]✓ ok[/green]" if each["ok"] else "[red]✗ missing[/red]"
        table.add_row(mark, *(escape(each[key]) for key in ("what", "seen", "remedy")))
    Console().print(table)


def print_table(results: list[course.Result]) -> None:
    """Show how the chapters went, one row each."""
    table = Table()
    failed = () if all(result.passed for result in results) else ("cell", "error")
    for name in ("chapter", "result", "time", "executed notebook", *failed):
        table.add_column(name, overflow="fold")
    for result in results:
        table.add_row(*_outcome(result))
    Console().print(table)


def _outcome(result: course.Result) -> tuple[str, ...]:
    row = (
        result.chapter.name,
        "[green]passed[/green]" if result.passed else "[red]failed[/red]",
        f"{result.seconds:.0f} s",
        _shown(result.chapter.executed),
    )
    if result.passed:
        return row
    return (*row, "" if result.cell is None else str(result.cell), escape(result.error))


def _shown(path: Path) -> str:
    """A path within the clone, or a whole one: ``LAB_BUILD`` may be anywhere."""
    root = settings().root
    return str(path.relative_to(root) if path.is_relative_to(root) else path)


def bench(what: str) -> dict[str, Any]:
    """Run a benchmark of ``benchmarks/``.

    Shape: ``{"figures": {name: number}, "ratios": {name: number}}``.

    :raises UsageError: there is none of that name.
    """
    import importlib

    known = sorted(each.stem for each in (ROOT / "benchmarks").glob("[a-z]*.py"))
    if what not in known:
        raise UsageError(f"there is no benchmark {what!r}", remedy=", ".join(known))
    measured: dict[str, Any] = importlib.import_module(f"benchmarks.{what}").measure()
    return measured


def print_bench(measured: dict[str, Any]) -> None:
    """Show a benchmark's figures to people."""
    table = Table("figure", "value")
    for kind in ("figures", "ratios"):
        for name, value in measured[kind].items():
            table.add_row(name, f"{value:.2f}")
    Console().print(table)
