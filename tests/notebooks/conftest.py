"""A test that takes a ``chapter`` is run for each one that there is."""

from __future__ import annotations

import pytest

from lab_helpers import Lab, course
from lab_helpers.course import LABEL, Chapter, chapters


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "chapter" in metafunc.fixturenames:
        metafunc.parametrize("chapter", chapters(), ids=lambda chapter: chapter.name)


@pytest.fixture
def clean(lab: Lab) -> Lab:
    """The cluster with nothing of any chapter on it."""
    for chapter in chapters():
        course.reset(lab.connection, chapter)
    return lab


def left_behind(lab: Lab, chapter: Chapter) -> list[str]:
    """The namespaces of a chapter that are still there."""
    found = lab.get("namespaces", selector=f"{LABEL}={chapter.number}")["items"]
    return [each["metadata"]["name"] for each in found]
