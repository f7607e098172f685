"""A user who is not root but has sudo: root does what needs root, the rest stays the user's."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from lab_helpers._config import settings
from lab_helpers._exec import run

from .conftest import share_artifacts, use_cache
from .own import OwnCluster

USER = 65534
SETPRIV = shutil.which("setpriv") or "setpriv"
AS_USER = (
    SETPRIV, f"--reuid={USER}", f"--regid={USER}", "--clear-groups",
    # The clone may be where only its owner may look; and sudo, below, becomes root with these.
    "--inh-caps=-all,+dac_read_search,+setuid,+setgid",
    "--ambient-caps=-all,+dac_read_search,+setuid,+setgid",
)  # fmt: skip
SUDO = f"""#!/bin/sh
# What sudo does, without a password.
export SUDO_UID={USER} SUDO_GID={USER}
exec {SETPRIV} --ambient-caps=-all --inh-caps=-all --reuid=0 --regid=0 --clear-groups "$@"
"""


class UserCluster(OwnCluster):
    """A cluster that a user with sudo drives."""

    def command(self, *arguments: str | Path, timeout: float = 120) -> str:
        return run([*AS_USER, self.script, *arguments], env=self.env, timeout=timeout)


@pytest.fixture
def _sudo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine that has sudo, where everybody finds it: pytest's own folders are only root's."""
    with TemporaryDirectory(prefix="sudo-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "sudo").write_text(SUDO)
        (folder / "sudo").chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        yield


@pytest.fixture
def cluster(_sudo: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[UserCluster]:
    built = settings().cache
    with TemporaryDirectory(dir=built, prefix="user-") as home:
        os.chown(home, USER, USER)
        cache = use_cache(Path(home), monkeypatch)
        share_artifacts(built, cache)
        for folder in (cache, cache / "artifacts"):
            os.chown(folder, USER, USER)
        cluster = UserCluster("sudo")
        yield cluster
        left = cluster.down()
    monkeypatch.undo()
    settings.cache_clear()
    assert left == []


def test_everything_works_and_belongs_to_the_user(cluster: UserCluster) -> None:
    cluster.command("up")
    assert cluster.status()["state"] == "running"
    assert "lab-sudo" in cluster.command("kubectl", "get", "nodes")
    kubeconfig = Path(cluster.status()["kubeconfig"])
    assert kubeconfig.is_relative_to(settings().cache)
    assert (kubeconfig.stat().st_uid, kubeconfig.stat().st_mode & 0o777) == (USER, 0o600)
    locks = settings().clusters.glob(".*.lock")
    assert {lock.stat().st_uid for lock in locks} == {USER}
    cluster.command("stop")
    assert cluster.status()["state"] == "stopped"
