"""lab_helpers.cli, as a program"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab_helpers import LabError, cli, testing
from lab_helpers._files import write
from lab_helpers.course import chapters

COMMANDS = (
    "run", "test", "open",
    "up", "status", "stop", "down", "kubectl", "env",
    "doctor", "enable", "disable", "build", "reset", "goto", "bench", "logs",
)  # fmt: skip
"""In the order in which a newcomer needs them."""


def lab(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lab_helpers", *arguments],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@dataclass
class Shown:
    """How a call of the command line ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def call(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Shown]]:
    """Runs the command line in this process, which is quicker."""

    def run(*arguments: str) -> Shown:
        monkeypatch.setattr(sys, "argv", ["lab", *arguments])
        with pytest.raises(SystemExit) as ended:
            sys.exit(cli.main())
        shown = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Shown(ended.value.code, shown.out, shown.err)

    # The process that runs the tests keeps what a program sets for itself.
    mask = os.umask(0o022)
    handlers = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGHUP)}
    yield run
    os.umask(mask)
    for each, handler in handlers.items():
        signal.signal(each, handler)


def test_lab_alone_shows_its_commands_in_the_newcomers_order() -> None:
    shown = lab()
    assert shown.returncode == 0
    assert shown.stderr == ""
    assert tuple(re.findall(r"^│ ([a-z]+) +[A-Z]", shown.stdout, re.MULTILINE)) == COMMANDS


def test_every_command_explains_itself_in_a_line() -> None:
    for command in cli.app.registered_commands:
        assert command.callback is not None
        summary = (command.callback.__doc__ or "").splitlines()
        assert len(summary) == 1, command.callback
        assert summary[0].endswith("."), summary


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "99"], "there is no chapter '99'"),
        (["run", "1", "2x"], "there is no chapter '2x'"),
        (["goto", "99"], "there is no chapter '99'"),
        (["test", "units"], "there is no stage 'units'"),
        (["bench", "nope"], "there is no benchmark 'nope'"),
        (["build", "nginx"], "nothing here is called 'nginx'"),
        (["enable", "nginx"], "there is no component 'nginx'"),
        (["disable", "nginx"], "there is no component 'nginx'"),
        (["status", "--cluster", "gke"], "no provider 'gke'"),
    ],
    ids=" ".join,
)
def test_what_there_is_not_ends_with_2_and_a_line(
    arguments: list[str], words: str, call: Callable[..., Shown]
) -> None:
    refused = call(*arguments)
    assert refused.code == 2
    assert refused.out == ""
    error, remedy = refused.err.splitlines()
    assert error == f"error: {words}"
    assert remedy.startswith("try: ")


@pytest.mark.parametrize("arguments", [["nope"], ["run", "--nope"], ["goto"]], ids=" ".join)
def test_a_wrong_call_ends_with_2(arguments: list[str], call: Callable[..., Shown]) -> None:
    refused = call(*arguments)
    assert refused.code == 2
    assert refused.out == ""
    assert refused.err


def test_the_program_ends_with_the_code_of_its_error() -> None:
    refused = lab("run", "99")
    assert refused.returncode == 2
    numbers = ", ".join(chapter.name[:2] for chapter in chapters())
    assert refused.stderr == f"error: there is no chapter '99'\ntry:   {numbers}\n"


def test_status_as_json_is_one_document_and_nothing_else() -> None:
    shown = lab("status", "--json")
    assert shown.returncode == 0
    found = json.loads(shown.stdout)
    assert found["cluster"] == {"provider": "embedded", "state": "absent", "detail": ""}
    assert found["chapters"][0]["chapter"] == "01-install-the-cluster"


def test_doctor_as_json_is_one_document_and_nothing_else() -> None:
    shown = lab("doctor", "--json")
    found = json.loads(shown.stdout)
    assert found["ok"] == all(each["ok"] for each in found["findings"])
    assert shown.returncode == (0 if found["ok"] else 1)
    for each in found["findings"]:
        assert set(each) == {"what", "ok", "seen", "remedy"}


@pytest.mark.parametrize("command", [["kubectl", "get", "pods"], ["env"], ["reset"]], ids=" ".join)
def test_without_a_cluster_it_says_how_to_get_one(
    command: list[str], call: Callable[..., Shown]
) -> None:
    refused = call(*command)
    assert refused.code == 1
    assert refused.out == ""
    assert refused.err.splitlines() == ["error: cluster lab does not run", "try:   ./lab up"]


@pytest.mark.parametrize("command", ["stop", "down"])
def test_where_there_is_nothing_to_end_it_is_fine(command: str, call: Callable[..., Shown]) -> None:
    assert call(command) == Shown(0, "", "")


def test_down_does_not_purge_a_cache_that_another_cluster_lives_in(
    cache: Path, call: Callable[..., Shown]
) -> None:
    write(cache / "clusters/other/node.json", "{}")
    refused = call("down", "--purge")
    assert refused.code == 1
    assert "other" in refused.err
    assert (cache / "clusters/other/node.json").exists()


def test_every_part_of_an_error_is_shown(
    monkeypatch: pytest.MonkeyPatch, call: Callable[..., Shown]
) -> None:
    def fail(_: list[str]) -> None:
        raise LabError("it [failed]", seen="state [1]\nand more", remedy="mend it")

    monkeypatch.setattr(testing, "select", fail)
    shown = call("test")
    assert (shown.code, shown.out) == (1, "")
    assert shown.err.splitlines() == [
        "error: it [failed]", "seen:  state [1]", "and more", "try:   mend it",
    ]  # fmt: skip


def test_an_interrupted_command_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, call: Callable[..., Shown]
) -> None:
    def interrupt(_: list[str]) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(testing, "select", interrupt)
    shown = call("test")
    assert shown.code == 130
    assert "the same command goes on from here" in shown.err


def test_the_exit_code_of_the_tests_is_handed_on(
    monkeypatch: pytest.MonkeyPatch, call: Callable[..., Shown]
) -> None:
    calls: list[tuple[object, ...]] = []

    def run(selected: list[str], *, full: bool) -> int:
        calls.append((selected, full))
        return 3

    monkeypatch.setattr(testing, "run", run)
    assert call("test", "unit", "--full").code == 3
    assert calls == [(["unit"], True)]
