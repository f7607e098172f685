"""The public names of lab_helpers"""

from __future__ import annotations

import inspect
from types import ModuleType

import pytest

import lab_helpers
from lab_helpers import Lab, LabError


def test_every_public_name_is_listed() -> None:
    names = {
        name
        for name, value in vars(lab_helpers).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }
    assert names == set(lab_helpers.__all__)


def test_the_list_is_sorted_and_without_doubles() -> None:
    assert lab_helpers.__all__ == sorted(set(lab_helpers.__all__))


@pytest.mark.parametrize("name", lab_helpers.__all__)
def test_a_public_name_is_documented(name: str) -> None:
    assert (getattr(lab_helpers, name).__doc__ or "").strip()


def test_every_error_is_public() -> None:
    """Whoever catches one by name must be able to import it."""
    for kind in LabError.__subclasses__():
        if kind.__module__ == "lab_helpers._exceptions":
            assert kind.__name__ in lab_helpers.__all__


@pytest.mark.parametrize(
    "name", [name for name in dir(Lab) if not name.startswith("_")], ids=lambda name: name
)
def test_what_a_chapter_may_call_is_documented(name: str) -> None:
    assert (inspect.getattr_static(Lab, name).__doc__ or "").strip()
