"""A test that takes a ``chapter`` is run for each one, or for each that learners can share."""

from __future__ import annotations

import pytest

from lab_helpers import Lab, course
from lab_helpers.course import Chapter, chapters


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "chapter" in metafunc.fixturenames:
        metafunc.parametrize("chapter", chapters(), ids=lambda chapter: chapter.name)
    if "shared_chapter" in metafunc.fixturenames:
        shared = [chapter for chapter in chapters() if chapter.shareable]
        metafunc.parametrize("shared_chapter", shared, ids=lambda chapter: chapter.name)


@pytest.fixture
def clean(lab: Lab) -> Lab:
    """The cluster with nothing of any chapter on it."""
    for chapter in chapters():
        course.reset(lab.connection, chapter)
    return lab


def left_behind(lab: Lab, chapter: Chapter) -> list[str]:
    """This learner's namespaces of a chapter that are still there."""
    found = lab.get("namespaces", selector=course.selector(chapter))["items"]
    return [each["metadata"]["name"] for each in found]
