"""functions/templates/python3-http: what the environment says"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from lab_helpers.templates import TEMPLATES


@pytest.fixture(scope="module")
def settings() -> Iterator[ModuleType]:
    """The template's module, which needs nothing but Python."""
    path = TEMPLATES / "python3-http/server/faas/settings.py"
    spec = importlib.util.spec_from_file_location("faas_settings", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    # Its dataclass looks the module up.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("60s", 60), ("60", 60), ("1m30s", 90), ("1h2m3s", 3723), ("250ms", 0.25), ("1.5s", 1.5),
        ("0", 0), (".5m", 30), ("0s", 0), ("100us", 0.0001), ("100µs", 0.0001), ("7ns", 7e-9),
    ],
)  # fmt: skip
def test_a_duration_is_read_as_go_does(settings: ModuleType, text: str, seconds: float) -> None:
    assert settings.duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "s", "1d", "-1s", "1 s", "1s2", "s1", "1.2.3s", "1S"])
def test_what_is_no_duration_is_refused(settings: ModuleType, text: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        settings.duration(text)


def test_zero_is_no_limit(settings: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("exec_timeout", "0s")
    monkeypatch.setenv("PORT", "")
    said = settings.settings({"exec_timeout": "60s", "read_timeout": "40s"})
    assert (said.port, said.execute, said.read, said.write) == (8080, None, 40, 10)
    assert said.last == 3650
