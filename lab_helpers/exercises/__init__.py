"""The exercises of the course, by key; one module for each chapter."""

from __future__ import annotations

from ..checks import Exercise
from . import (
    chapter_01,
    chapter_02,
    chapter_03,
    chapter_04,
    chapter_05,
    chapter_06,
    chapter_07,
    chapter_08,
    chapter_09,
    chapter_10,
    chapter_11,
)

ALL: dict[str, Exercise] = {
    exercise.key: exercise
    for chapter in (
        chapter_01, chapter_02, chapter_03, chapter_04, chapter_05, chapter_06, chapter_07,
        chapter_08, chapter_09, chapter_10, chapter_11,
    )
    for exercise in chapter.EXERCISES
}  # fmt: skip
