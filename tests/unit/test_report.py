"""lab_helpers.report"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lab_helpers import LabError, UsageError, components, record, report
from lab_helpers._config import settings
from lab_helpers.cluster import Connection, Status
from lab_helpers.course import Chapter, Result, chapters


class Cluster:
    """A provider of a cluster in some state."""

    name = "embedded"

    def __init__(self, state: str) -> None:
        self.state = state

    def status(self) -> Status:
        return Status(self.state, "[why]")

    def connection(self) -> Connection:
        return Connection(
            "embedded", Path("/k"), "localhost", 8081, "localhost:32000", "localhost:32001",
            Path("/kubectl"),
        )  # fmt: skip


@pytest.fixture(autouse=True)
def noted(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the cluster has on record for each learner; nothing to begin with."""
    on_record: dict[str, Any] = {"": {}}
    monkeypatch.setattr(components, "enabled", lambda _: {})
    monkeypatch.setattr(record, "read", lambda _, *, learner: on_record[learner])
    return on_record


def status(state: str) -> dict[str, Any]:
    provider: Any = Cluster(state)
    return report.status(provider)


@pytest.mark.parametrize("state", ["running", "broken"])
def test_the_addresses_of_what_runs_are_shown(state: str) -> None:
    cluster = status(state)["cluster"]
    assert cluster["pages"] == "http://NAME.localhost:8081"
    assert cluster["registry"] == "localhost:32001"
    assert cluster["state"] == state


@pytest.mark.parametrize("state", ["absent", "stopped"])
def test_what_does_not_run_has_no_addresses(state: str) -> None:
    assert set(status(state)["cluster"]) == {"provider", "state", "detail"}


def test_status_lists_every_chapter(capsys: pytest.CaptureFixture[str]) -> None:
    found = status("running")
    assert [chapter.name for chapter in chapters()] == [
        each["chapter"] for each in found["chapters"]
    ]
    report.print_status(found)
    shown = capsys.readouterr().out
    assert "01-install-the-cluster" in shown
    assert "[why]" in shown, "what a cluster says is no markup"


def chapter_01(state: str = "running") -> dict[str, Any]:
    found: dict[str, Any] = status(state)["chapters"][0]
    return found


def test_status_counts_what_was_passed_of_what_there_is(noted: dict[str, Any]) -> None:
    first, second, *others = sorted(chapters()[0].checks)
    noted[""] = {first: {}, second: {}, "01.a-claim-that-was-reworded": {}}
    assert chapter_01()["passed"] == 2
    assert chapter_01()["checks"] == 2 + len(others)


def test_every_learner_has_a_count_of_their_own(
    noted: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    noted["ann"] = dict.fromkeys(chapters()[0].checks)
    monkeypatch.setenv("LAB_LEARNER", "ann")
    settings.cache_clear()
    assert chapter_01()["passed"] == chapter_01()["checks"]
    assert status("running")["cluster"]["pages"] == "http://ann-NAME.localhost:8081"


def test_status_lists_every_component(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = components.Entry("enabled", "v9.9.9")
    monkeypatch.setattr(components, "enabled", lambda _: {"knative-serving": entry})
    found = {each["component"]: each for each in status("running")["components"]}
    assert list(found) == components.names()
    assert found["knative-serving"]["state"] == "enabled"
    assert not found["knative-serving"]["built"], "this cache is empty"
    report.print_status(status("running"))
    assert "not built yet" in capsys.readouterr().out


def test_a_component_that_is_not_on_the_cluster_is_disabled() -> None:
    assert {each["state"] for each in status("running")["components"]} == {"disabled"}


def test_a_cluster_that_does_not_say_leaves_components_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_: Connection) -> None:
        raise LabError("no answer")

    monkeypatch.setattr(components, "enabled", refuse)
    for state in ("running", "stopped"):
        assert {each["state"] for each in status(state)["components"]} == {None}


@pytest.mark.parametrize("state", ["absent", "stopped", "broken"])
def test_a_cluster_that_does_not_run_says_nothing_of_it(
    state: str, noted: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    del noted[""]  # is not asked
    assert chapter_01(state)["passed"] is None
    report.print_status(status(state))
    assert f"? of {len(chapters()[0].checks)}" in capsys.readouterr().out


def test_a_cluster_that_runs_and_does_not_say_is_no_error(noted: dict[str, Any]) -> None:
    noted[""] = None
    assert chapter_01()["passed"] is None


def test_a_narrow_status_loses_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    found = status("running")
    for chapter in found["chapters"]:
        chapter["executed"] = f"build/notebooks/{chapter['chapter']}.ipynb"
    report.print_status(found)
    assert "…" not in capsys.readouterr().out


def test_the_doctor_shows_a_remedy_only_for_what_is_missing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = [
        {"what": "root", "ok": True, "seen": "sudo", "remedy": ""},
        {"what": "veth", "ok": False, "seen": "none [y/n]", "remedy": "modprobe veth"},
    ]
    report.print_doctor(found)
    shown = capsys.readouterr().out
    assert "✓ ok" in shown
    assert "✗ missing" in shown
    assert "modprobe veth" in shown
    assert "[y/n]" in shown


def test_the_table_names_chapter_cell_and_error_of_a_failure(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    error = "CheckFailed: not so: [a claim] that is longer than a terminal is wide, " + "x" * 60
    passed = Result(Chapter(Path("01-good.ipynb")), 12.4)
    failed = Result(Chapter(Path("02-bad.ipynb")), 3.2, cell=7, error=error)
    monkeypatch.setenv("COLUMNS", "300")
    report.print_table([passed, failed])
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if ".ipynb" in line]
    assert [row[1] for row in rows] == ["01-good", "02-bad"]
    assert rows[0][3:9] == ["passed", "│", "12", "s", "│", "build/notebooks/01-good.ipynb"]
    assert rows[1][3] == "failed"
    assert rows[1][-2 - len(error.split()) - 1 :] == ["7", "│", *error.split(), "│"]


@pytest.mark.parametrize("columns", [80, 120])
def test_a_narrow_table_loses_nothing(
    columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    error = "CommandError: " + "x" * 90
    report.print_table([Result(Chapter(Path("01-install-the-cluster.ipynb")), 3, 7, error)])
    shown = capsys.readouterr().out
    assert "…" not in shown
    assert shown.count("x") >= 90


def test_an_error_without_a_cell_does_not_name_one(capsys: pytest.CaptureFixture[str]) -> None:
    report.print_table([Result(Chapter(Path("02-bad.ipynb")), 1, None, "Kernel died")])
    assert "None" not in capsys.readouterr().out


def test_a_benchmark_that_there_is_none_of_is_refused() -> None:
    with pytest.raises(UsageError, match="there is no benchmark 'nope'"):
        report.bench("nope")


def test_figures_and_ratios_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    report.print_bench({"figures": {"up_seconds": 8.127}, "ratios": {"up_to_bare": 1.5}})
    shown = capsys.readouterr().out
    assert "8.13" in shown
    assert "1.50" in shown


def test_a_path_of_another_folder_is_shown_whole(tmp_path: Path) -> None:
    """``LAB_BUILD`` may be anywhere."""
    assert report._shown(settings().root / "build" / "a") == "build/a"
    assert report._shown(tmp_path / "a") == str(tmp_path / "a")
