"""A clone and its cache may be anywhere: with spaces, quotes and accents in their paths."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from lab_helpers._config import ROOT, settings
from lab_helpers._exec import run

from .conftest import share_artifacts, use_cache
from .own import OwnCluster


@pytest.fixture
def odd_place() -> Iterator[Path]:
    """A folder with an awkward name, on the disk of the cache."""
    with TemporaryDirectory(dir=settings().cache, prefix="José's año, 1 ") as folder:
        yield Path(folder)


def clone(target: Path) -> None:
    """Copy what is under version control, as it is now; all of it where nothing is."""
    if not (ROOT / ".git").exists():
        made = shutil.ignore_patterns(".venv*", "build", "__pycache__", ".*_cache")
        shutil.copytree(ROOT, target, ignore=made)
        return
    listed = run(["git", "-c", "safe.directory=*", "ls-files", "-z"], cwd=ROOT)
    for name in listed.rstrip("\0").split("\0"):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target / name)


def test_up_status_and_down_work_from_a_clone_at_an_odd_path(
    odd_place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone(odd_place / "the course")
    built = settings().cache
    share_artifacts(built, use_cache(odd_place / "caché", monkeypatch))
    cluster = OwnCluster("clone", root=odd_place / "the course")
    try:
        cluster.command("up")
        status = cluster.status()
        assert status["state"] == "running"
        assert status["kubeconfig"].startswith(str(odd_place))
        assert "lab-clone" in cluster.command("kubectl", "get", "nodes")
    finally:
        left = cluster.down()
        monkeypatch.undo()
        settings.cache_clear()
    assert left == []
