"""What is published for Java only is fetched with the real Maven, from wherever it is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab_helpers import CommandError, LabError, _progress
from lab_helpers.bases.java import DebianJava
from lab_helpers.maven import Maven, Pin

SMALL = Pin(
    group="org.hamcrest", artifact="hamcrest-core", version="1.3", type="jar",
    sha256="66fdef91e9739348df7a096aa384a5685f4e875584cce89386a7a47251c4d8e9",
)  # fmt: skip


def fetch(pin: Pin, folder: Path) -> Path:
    with _progress.step("fetch") as step:
        return Maven(DebianJava()).fetch(pin, folder, step)


@pytest.mark.full
def test_what_is_pinned_comes_alone_and_what_is_not_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "good").mkdir()
    assert fetch(SMALL, tmp_path / "good").stat().st_size == 45_024
    assert [each.name for each in (tmp_path / "good").iterdir()] == ["hamcrest-core-1.3.jar"]
    (tmp_path / "other").mkdir()
    with pytest.raises(LabError, match="is not the file that was pinned"):
        fetch(SMALL.model_copy(update={"sha256": "0" * 64}), tmp_path / "other")
    (tmp_path / "none").mkdir()
    with pytest.raises(CommandError, match=r"a mirror in ~/\.m2/settings\.xml"):
        fetch(SMALL.model_copy(update={"version": "0.0"}), tmp_path / "none")
