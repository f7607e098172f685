"""lab_helpers.forecast_app, forecast_trace and browser, as far as they need no cluster"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from lab_helpers import LabError, browser
from lab_helpers.forecast_files import dated
from lab_helpers.forecast_trace import Hop, Journey

FILE = "<root id='28079'><elaborado>2026-11-23T06:00:00</elaborado><nombre>Cádiz</nombre></root>"


def test_a_file_gets_another_date_and_nothing_else() -> None:
    head = b'<?xml version="1.0" encoding="ISO-8859-15"?>'
    made = dated(head + FILE.encode("ISO-8859-15"), datetime(2026, 1, 2, 3, 4, 5))
    assert "<elaborado>2026-01-02T03:04:05</elaborado>" in made.decode("ISO-8859-15")
    assert "Cádiz" in made.decode("ISO-8859-15")
    assert b"ISO-8859-15" in made.splitlines()[0]


def test_a_file_without_a_date_gets_none() -> None:
    with pytest.raises(LabError, match="when it was made"):
        dated(b"<root/>", datetime(2026, 1, 2))


def at(milliseconds: int) -> datetime:
    return datetime(2026, 1, 2, 3, 4, 5, 1000 * milliseconds, tzinfo=UTC)


def test_a_journey_is_told_in_the_order_of_time() -> None:
    hops = (Hop("page", "is told", at(250)), Hop("clock", "strikes", at(0)), Hop("a", "b", at(7)))
    journey = Journey("The way", hops)
    assert [journey.milliseconds(hop) for hop in journey.hops] == [0, 7, 250]
    assert journey.text().splitlines() == [
        "The way",
        "03:04:05.000       0 ms  clock strikes",
        "03:04:05.007       7 ms  a b",
        "03:04:05.250     250 ms  page is told",
    ]
    png, said = journey._repr_png_()
    assert png.startswith(b"\x89PNG")
    assert said["alt"] == journey.text()


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only programs of this machine."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(browser, "MAC", str(tmp_path / "Google Chrome"))
    return tmp_path


@pytest.mark.parametrize("name", browser.KNOWN)
def test_a_browser_that_is_there_is_used(tools: Path, name: str) -> None:
    assert browser.installed() == ""
    (tools / name).write_text("")
    (tools / name).chmod(0o755)
    assert browser.installed() == str(tools / name)
    assert browser.artifacts() == []


@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize(("system", "unpacked"), [("debian 12", True), ("ubuntu 24.04", False)])
def test_without_one_debian_has_it_unpacked(
    monkeypatch: pytest.MonkeyPatch, system: str, unpacked: bool
) -> None:
    monkeypatch.setattr(browser, "release", lambda: system)
    assert bool(browser.artifacts()) is unpacked
