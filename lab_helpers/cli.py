"""The command line, in the order a newcomer needs it."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from . import _progress
from ._exceptions import LabError, explained
from ._files import give_to_owner
from .options import on_a_cluster

app = typer.Typer(
    name="lab",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

BEGIN, CLUSTER, MORE = "Begin here", "The cluster", "When you need more"
INTERRUPTED = 130
"""The exit code with which typer ends a command on Ctrl-C."""
PASS_THROUGH = {
    "allow_extra_args": True,
    "ignore_unknown_options": True,
    # What stands behind the first word is the other program's, a `--` included.
    "allow_interspersed_args": False,
}

Component = Annotated[str, typer.Argument(help="Its name, as in ./lab status.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


@app.callback()
def lab(context: typer.Context) -> None:
    """Serverless on Kubernetes: a course of notebooks that drive a live cluster."""
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command(rich_help_panel=BEGIN)
@on_a_cluster
def run(
    chapters: Annotated[list[str] | None, typer.Argument(help="01 02 …; all by default.")] = None,
) -> None:
    """Set up what is missing, then execute the chapters and say how they went."""
    from . import builds, course, report

    selected = course.select(chapters or [])
    connection = _provider().create()
    builds.start_in_background()
    results = course.run(selected, connection)
    # The build in the background ends with this command, and may have just become done.
    builds.clear_away_if_done()
    report.print_table(results)
    raise typer.Exit(0 if all(result.passed for result in results) else 1)


@app.command(rich_help_panel=BEGIN)
@on_a_cluster
def test(
    stages: Annotated[
        list[str] | None,
        typer.Argument(
            help="unit functions manifests integration notebooks faults; all by default."
        ),
    ] = None,
    full: Annotated[
        bool, typer.Option(help="Also each chapter alone and in shuffled order.")
    ] = False,
) -> None:
    """Set up what is missing, then run the tests."""
    from . import builds, testing

    selected = testing.select(stages or [])
    if testing.needs_cluster(selected):
        _provider().create()
        # Not in the background: a test's time is for what it tests, not for a compiler.
        builds.build_course()
    raise typer.Exit(testing.run(selected, full=full))


@app.command("open", rich_help_panel=BEGIN)
@on_a_cluster
def open_lab(
    port: Annotated[int, typer.Option(help="JupyterLab's port on this machine.")] = 8888,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
) -> None:
    """Open the course in JupyterLab, its notebooks connected to the cluster."""
    from . import builds, course

    provider = _provider()
    provider.create()
    builds.start_in_background()
    raise typer.Exit(course.open_jupyter(provider.connection(), port=port, browser=browser))


@app.command(rich_help_panel=CLUSTER)
@on_a_cluster
def up() -> None:
    """Create the cluster, or start it."""
    connection = _provider().create()
    _progress.say(f"ready: pages at http://NAME.{connection.domain}:{connection.ingress_port}")


@app.command(rich_help_panel=CLUSTER)
@on_a_cluster
def status(as_json: AsJson = False) -> None:
    """Say what there is: the cluster, its addresses, components, chapters."""
    from . import report

    found = report.status(_provider())
    if as_json:
        _print_json(found)
    else:
        report.print_status(found)


@app.command(rich_help_panel=CLUSTER)
@on_a_cluster
def stop() -> None:
    """Stop the cluster and keep its state."""
    _provider().stop()


@app.command(rich_help_panel=CLUSTER)
@on_a_cluster
def down(
    purge: Annotated[bool, typer.Option(help="Remove the build cache as well.")] = False,
) -> None:
    """Remove every trace of the cluster."""
    _provider().delete()
    if purge:
        from .builds import purge as purge_cache

        purge_cache()


@app.command(rich_help_panel=CLUSTER, context_settings=PASS_THROUGH, add_help_option=False)
def kubectl(context: typer.Context) -> None:
    """Run kubectl on the cluster."""
    from ._config import environment
    from ._exec import replace
    from ._kubectl import variables

    connection = _provider().connection()
    replace(
        [connection.kubectl, "--kubeconfig", connection.kubeconfig, *context.args],
        env=environment(**variables()),
    )


@app.command(rich_help_panel=CLUSTER)
@on_a_cluster
def env() -> None:
    """Print shell exports: eval "$(./lab env)" connects this shell."""
    import shlex

    from .session import variables

    for name, value in variables(_provider().connection()).items():
        print(f"export {name}={shlex.quote(value)}")


@app.command(rich_help_panel=MORE)
def doctor(as_json: AsJson = False) -> None:
    """Say what this machine lacks, and what mends it."""
    from . import report

    findings = report.doctor()
    if as_json:
        _print_json({"ok": all(f["ok"] for f in findings), "findings": findings})
    else:
        report.print_doctor(findings)
    raise typer.Exit(0 if all(f["ok"] for f in findings) else 1)


@app.command(rich_help_panel=MORE)
@on_a_cluster
def enable(component: Component) -> None:
    """Put a system that the course teaches on the cluster; it stays until disable."""
    from . import components

    components.enable(_provider(), component)


@app.command(rich_help_panel=MORE)
@on_a_cluster
def disable(component: Component) -> None:
    """Take a system off the cluster, with all that was made of it."""
    from . import components

    components.disable(_provider(), component)


@app.command(rich_help_panel=MORE)
def build(
    parts: Annotated[
        list[str] | None,
        typer.Argument(
            help="Components, functions, images, programs; all that is missing by default."
        ),
    ] = None,
) -> None:
    """Build what the course needs and is missing."""
    from . import builds

    builds.build(parts or [])


@app.command(rich_help_panel=MORE)
@on_a_cluster
def reset(
    chapter: Annotated[str | None, typer.Argument(help="01 02 …; all by default.")] = None,
) -> None:
    """Undo what a chapter left on the cluster."""
    from . import course

    connection = _provider().connection()
    for each in course.select([chapter] if chapter else []):
        course.reset(connection, each)


@app.command(rich_help_panel=MORE)
@on_a_cluster
def goto(chapter: str) -> None:
    """Bring the cluster to the state in which a chapter begins."""
    from . import course

    (selected,) = course.select([chapter])
    connection = _provider().create()
    course.goto(connection, selected)
    _progress.say(f"the cluster is ready for {selected.name}")


@app.command(rich_help_panel=MORE)
def bench(
    what: Annotated[str, typer.Argument(help="See README.")] = "startup", as_json: AsJson = False
) -> None:
    """Measure, each figure against its floor in the same run."""
    from . import report

    measured = report.bench(what)
    if as_json:
        _print_json(measured)
    else:
        report.print_bench(measured)


@app.command(rich_help_panel=MORE)
@on_a_cluster
def logs(
    out: Annotated[Path, typer.Option(help="The folder to write to.", file_okay=False)],
) -> None:
    """Collect logs, events and objects into a folder, for a bug report."""
    out.mkdir(parents=True, exist_ok=True)
    _provider().collect_logs(out)
    give_to_owner(out)
    _progress.say(f"written to {out}")


def main() -> int:
    """Run the command line; errors are one line each for what, seen and remedy."""
    # What is made here is read by pods and by the caller, whatever mask a shell has set.
    os.umask(0o022)
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.default_int_handler)
    try:
        app(prog_name="lab")
    except LabError as failed:
        _progress.print_error(failed)
        return failed.exit_code
    except OSError as refused:
        _progress.print_error(explained(refused))
        return 1
    except SystemExit as ended:
        if ended.code == INTERRUPTED:
            _progress.say("interrupted; the same command goes on from here")
        raise
    return 0


def _provider() -> Any:
    from .cluster import provider

    return provider()


def _print_json(document: Any) -> None:
    json.dump(document, sys.stdout, indent=2)
    print()
