"""Clusters that tests may break, and a look at the machine after each test."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from lab_helpers import _wait
from lab_helpers._config import settings
from lab_helpers.cluster.embedded import sandbox
from lab_helpers.cluster.embedded.artifacts import needed
from lab_helpers.cluster.embedded.node import Node
from lab_helpers.packages import packages
from lab_helpers.programs import TOOLCHAIN

from .machine import Surroundings, descendants
from .own import OwnCluster

Say = Callable[[str], None]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.geteuid() != 0:
        for item in items:
            item.add_marker(pytest.mark.skip(reason="breaks what belongs to root: sudo ./lab test"))


@pytest.fixture(scope="session", autouse=True)
def _the_workers_cluster_rests() -> Iterator[None]:
    """No test here needs it, and with all that is on it, it takes a quarter of a core by itself.

    It stands still, for a cluster that is stopped gives up its ports and its network.
    """
    node = Node.load(settings().name)
    init = sandbox.init_pid(node) if node else None
    there = descendants(init) if init else []
    signal_all(there, signal.SIGSTOP)
    yield
    signal_all(there, signal.SIGCONT)


def signal_all(processes: list[int], number: signal.Signals) -> None:
    for pid in processes:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Prints a figure, also of a test that passes."""

    def line(text: str) -> None:
        with capsys.disabled():
            # A worker of pytest-xdist has no other way out.
            print(f"    {text}", file=sys.stderr, flush=True)

    return line


@pytest.fixture(autouse=True)
def _machine_stays_as_it_is() -> Iterator[None]:
    """Fails a test after which the machine has rules or files that it had not before."""
    before = Surroundings.now()
    yield

    added = set(Surroundings.now().beyond(before))

    def unchanged() -> None:
        # Somebody else's temporary files come and go; what this test left stays.
        if left := added & set(Surroundings.now().beyond(before)):
            raise _wait.NotYet("; ".join(sorted(left)))

    _wait.until("this machine to be as it was", unchanged, timeout=20)


@pytest.fixture(scope="session")
def _faults(request: pytest.FixtureRequest) -> Iterator[OwnCluster]:
    """Each worker has one, so that they do not break each other's."""
    worker = getattr(request.config, "workerinput", {}).get("workerid", "gw0")
    cluster = OwnCluster(f"faults-{worker.removeprefix('gw')}")
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


@pytest.fixture(scope="session")
def _compiler(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked compiler: the cache's own, or one fetched for the tests."""
    if TOOLCHAIN.artifact.exists:
        return TOOLCHAIN.artifact.path
    with pytest.MonkeyPatch.context() as patch:
        use_cache(tmp_path_factory.mktemp("compiler"), patch)
        made = TOOLCHAIN.artifact.build()
    settings.cache_clear()
    return made


@pytest.fixture(scope="session")
def _compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Go's own packages need not be compiled again for each test."""
    return tmp_path_factory.mktemp("compiled")


@pytest.fixture
def new_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, _compiler: Path, _compiled: Path
) -> Iterator[Path]:
    """A cache that has the compiler and the system packages, and nothing made with them."""
    kept = (packages.artifact.build(), _compiler)
    cache = use_cache(tmp_path / "cache", monkeypatch)
    for artifact in kept:
        link(cache / "artifacts" / artifact.name, artifact)
    link(cache / "go" / "build", _compiled)
    yield cache
    settings.cache_clear()


def link(path: Path, target: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


def use_cache(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have this process, and what it starts, keep everything in a cache somewhere else."""
    monkeypatch.setenv("LAB_CACHE", str(home))
    settings.cache_clear()
    return settings().cache


def share_artifacts(built: Path, cache: Path) -> None:
    """Give a cache what another has built already: the same files under other names."""
    for artifact in needed():
        source = built / "artifacts" / artifact.path.name
        shutil.copytree(
            source, cache / "artifacts" / source.name, symlinks=True, copy_function=os.link
        )
    link(cache / "wheels", built / "wheels")
