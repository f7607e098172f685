"""A test that takes a ``chapter`` is run for each one, or for each that learners can share."""

from __future__ import annotations

import pytest
from _pytest.mark import ParameterSet

from lab_helpers import Lab, course
from lab_helpers.course import Chapter, chapters

ALONE = {
    "08": "it stops a connector and starts MinIO anew, which are everybody's",
    "11": "it kills each part of the app, and they are everybody's",
}
"""Chapters that learners of one cluster do one after the other."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "chapter" in metafunc.fixturenames:
        metafunc.parametrize("chapter", chapters(), ids=lambda chapter: chapter.name)
    if "shared_chapter" in metafunc.fixturenames:
        shared = [_shared(chapter) for chapter in chapters() if chapter.shareable]
        metafunc.parametrize("shared_chapter", shared)


def _shared(chapter: Chapter) -> ParameterSet:
    """One is enough for a daily run: the one that enables a component and makes a function."""
    if chapter.number in ALONE:
        return pytest.param(
            chapter, id=chapter.name, marks=pytest.mark.skip(reason=ALONE[chapter.number])
        )
    marks = () if chapter.number == "02" else (pytest.mark.full,)
    return pytest.param(chapter, id=chapter.name, marks=marks)


@pytest.fixture
def clean(lab: Lab) -> Lab:
    """The cluster with nothing of any chapter on it."""
    for chapter in chapters():
        course.reset(lab.connection, chapter)
    return lab


def left_behind(lab: Lab, chapter: Chapter) -> list[str]:
    """This learner's namespaces and functions of a chapter that are still there."""
    chosen = course.selector(chapter)
    found = [
        each
        for kind in ("namespaces", "deployments")
        for each in lab.get(kind, selector=chosen)["items"]
    ]
    return [each["metadata"]["name"] for each in found]
