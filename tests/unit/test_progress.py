"""lab_helpers._progress"""

from __future__ import annotations

import re

import pytest

from lab_helpers import _progress


def test_a_step_leaves_one_line_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with _progress.step("make [a] thing") as step:
        step.update("half-way")
    shown = capsys.readouterr()
    assert re.fullmatch(r"✓ make \[a\] thing \d+\.\d s\n", shown.err)
    assert shown.out == ""


def test_a_failed_step_is_marked_and_its_error_goes_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(KeyboardInterrupt), _progress.step("make a thing"):
        raise KeyboardInterrupt
    assert capsys.readouterr().err.startswith("✗ make a thing ")


def test_a_long_step_says_how_far_it_is_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with _progress.step("compile") as step:
        step.update("too early to say")
        monkeypatch.setattr(_progress, "HEARTBEAT", -1)
        step.update("[12] packages")
    shown = capsys.readouterr().err
    assert "too early" not in shown
    assert "… compile: [12] packages (0 s)" in shown
