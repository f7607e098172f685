"""lab_helpers._config"""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from lab_helpers import UsageError, _config
from lab_helpers._config import ROOT, settings


@pytest.mark.parametrize("name", ["lab", "a", "a-b", "l2", "abcdefghij"])
def test_a_cluster_name_is_taken_as_it_is(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_NAME", name)
    assert settings().name == name


@pytest.mark.parametrize(
    "name", ["", "Lab", "1st", "abcdefghijk", "a_b", "a.b", "a/b", "ä", "lab\n", "-a", "a-"]
)
def test_what_cannot_name_a_machine_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_NAME", name)
    with pytest.raises(UsageError, match="LAB_NAME") as refused:
        settings()
    assert "lower-case letters" in refused.value.remedy


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("yes", True), ("0", False)])
@pytest.mark.parametrize("switch", ["egress", "solve"])
def test_a_switch_is_on_unless_it_says_0(
    switch: str, value: str, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not getattr(settings(), switch)
    settings.cache_clear()
    monkeypatch.setenv(f"LAB_{switch.upper()}", value)
    assert getattr(settings(), switch) is expected


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"HOME": "/h"}, "/h/.cache/serverless-lab"),
        ({"HOME": "/h", "XDG_CACHE_HOME": "/x"}, "/x/serverless-lab"),
        ({"HOME": "/h", "XDG_CACHE_HOME": "/x", "LAB_CACHE": "/l"}, "/l/serverless-lab"),
        ({"HOME": "/h", "XDG_CACHE_HOME": "", "LAB_CACHE": ""}, "/h/.cache/serverless-lab"),
    ],
)
def test_where_the_cache_is(
    variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LAB_CACHE")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert settings().cache == Path(expected)
    assert settings().clusters == Path(expected) / "clusters"


def test_a_relative_cache_stays_where_it_is_when_the_folder_changes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAB_CACHE", "here")
    assert settings().cache == tmp_path / "here/serverless-lab"


def test_under_sudo_files_belong_to_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    caller = pwd.getpwuid(1)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("SUDO_UID", str(caller.pw_uid))
    monkeypatch.delenv("LAB_CACHE")
    assert settings().owner == (caller.pw_uid, caller.pw_gid)
    assert settings().cache == Path(caller.pw_dir) / ".cache/serverless-lab"
    assert settings().is_root


def test_a_left_over_sudo_uid_means_nothing_without_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("SUDO_UID", "1")
    assert settings().owner == (os.getuid(), os.getgid())
    assert not settings().is_root


def test_environment_changes_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEPT", "kept")
    changed = _config.environment(ADDED="added")
    assert (changed["KEPT"], changed["ADDED"]) == ("kept", "added")
    assert _config.lookup("ADDED") is None


def test_exported_variables_are_those_of_the_process() -> None:
    _config.export(LAB_DOMAIN="example.localhost")
    assert os.environ["LAB_DOMAIN"] == _config.lookup("LAB_DOMAIN") == "example.localhost"


@pytest.mark.parametrize(
    ("said", "expected"), [("", ROOT / "build"), ("other", ROOT / "other"), ("/a/b", Path("/a/b"))]
)
def test_where_what_is_made_for_the_reader_is_kept(
    said: str, expected: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_BUILD", said)
    assert settings().build == expected
