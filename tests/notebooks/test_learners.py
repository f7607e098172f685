"""Two learners do the same chapter on one cluster at the same time"""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from lab_helpers import Lab, record
from lab_helpers._config import environment, settings
from lab_helpers._files import remove_tree
from lab_helpers._manifests import LEARNER
from lab_helpers.course import LABEL, Chapter, chapters

SECONDS = 600
"""For two chapters side by side, with room for a slow machine."""


@pytest.fixture
def learners(lab: Lab) -> Iterator[list[str]]:
    """Two people that nobody else is, and nothing of them afterwards."""
    both = [f"{name}{secrets.token_hex(3)}" for name in ("ann", "bob")]
    yield both
    for who in both:
        lab.kubectl("delete", "namespace", "--selector", f"{LEARNER}={who}", "--wait")
        lab.delete("configmap", f"{who}-{record.NAME}", namespace=record.NAMESPACE)
        for folder in (f"notebooks-{who}", f"manifests/{who}"):
            remove_tree(settings().build / folder)


@pytest.fixture
def bystander(lab: Lab, namespace: str, shared_chapter: Chapter) -> str:
    """A third learner's namespace of the same chapter."""
    labels = (f"{LABEL}={shared_chapter.number}", f"{LEARNER}=carl")
    lab.kubectl("label", "namespace", namespace, *labels)
    return namespace


def begin(chapter: Chapter, learner: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "lab_helpers", "run", chapter.number],
        env=environment(LAB_LEARNER=learner), cwd=settings().root, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def namespaces(lab: Lab) -> dict[str, Any]:
    return {each["metadata"]["name"]: each["metadata"] for each in lab.get("namespaces")["items"]}


def test_there_are_chapters_to_share() -> None:
    assert "01" in [chapter.number for chapter in chapters() if chapter.shareable]


@pytest.mark.timeout(SECONDS)
def test_two_learners_do_not_meet(
    shared_chapter: Chapter, learners: list[str], bystander: str, lab: Lab
) -> None:
    before = namespaces(lab)
    running = [begin(shared_chapter, who) for who in learners]
    said = [process.communicate(timeout=SECONDS)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0], "\n".join(said)
    after = namespaces(lab)
    assert after[bystander]["uid"] == before[bystander]["uid"]
    for who, other in (learners, reversed(learners)):
        assert not [name for name in after if who in name], "the chapter did not clean up"
        executed = settings().build / f"notebooks-{who}" / shared_chapter.path.name
        assert f"{who}-" in executed.read_text()
        assert other not in executed.read_text()
        noted = record.read(lab.connection, learner=who)
        assert noted is not None
        assert set(noted) == shared_chapter.checks
