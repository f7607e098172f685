"""Clusters that tests may break, and a look at the machine after each test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from lab_helpers import _wait
from lab_helpers._config import settings
from lab_helpers.packages import packages
from lab_helpers.programs import TOOLCHAIN

from .machine import Surroundings
from .own import OwnCluster

Say = Callable[[str], None]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.geteuid() != 0:
        for item in items:
            item.add_marker(pytest.mark.skip(reason="breaks what belongs to root: sudo ./lab test"))


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Prints a figure, also of a test that passes."""

    def line(text: str) -> None:
        with capsys.disabled():
            print(f"\n    {text} ", end="", flush=True)

    return line


@pytest.fixture(autouse=True)
def _machine_stays_as_it_is() -> Iterator[None]:
    """Fails a test after which the machine has rules or files that it had not before."""
    before = Surroundings.now()
    yield

    def unchanged() -> None:
        # Somebody else's temporary files come and go.
        if added := Surroundings.now().beyond(before):
            raise _wait.NotYet("; ".join(added))

    _wait.until("this machine to be as it was", unchanged, timeout=5)


@pytest.fixture(scope="session")
def _faults() -> Iterator[OwnCluster]:
    cluster = OwnCluster("faults")
    yield cluster
    assert cluster.down() == []


@pytest.fixture
def faults(_faults: OwnCluster) -> OwnCluster:
    """A cluster that runs, for tests that break one."""
    _faults.command("up")
    return _faults


@pytest.fixture
def new_cluster() -> Iterator[Callable[[str], OwnCluster]]:
    """Names a cluster that is not there yet, and leaves none of it behind."""
    made: list[OwnCluster] = []

    def name(name: str) -> OwnCluster:
        made.append(OwnCluster(name))
        assert made[-1].down() == []
        return made[-1]

    yield name
    for cluster in made:
        assert cluster.down() == []


@pytest.fixture
def new_cache(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache that has the compiler and the system packages, and nothing made with them."""
    with TemporaryDirectory(dir=settings().cache, prefix="tests-") as folder:
        artifacts = Path(folder) / "artifacts"
        artifacts.mkdir()
        for kept in (packages.artifact, TOOLCHAIN.artifact):
            (artifacts / kept.path.name).symlink_to(kept.build())
        monkeypatch.setenv("LAB_CACHE", folder)
        settings.cache_clear()
        yield Path(folder)
    settings.cache_clear()
