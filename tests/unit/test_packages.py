"""lab_helpers.packages and lab_helpers.builds"""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from lab_helpers import LabError, UsageError, builds
from lab_helpers._files import write
from lab_helpers.packages import packages


@pytest.fixture
def unpacked() -> Path:
    """Packages that hold one program and one file."""
    write(packages.root / "usr/bin/hello", "#!/bin/sh\necho $LD_LIBRARY_PATH\n", mode=0o755)
    write(packages.root / "etc/containers/policy.json", "{}")
    return packages.root


def test_an_unpacked_program_comes_before_the_systems(unpacked: Path) -> None:
    assert packages.find("sh") == Path("/usr/bin/sh") or packages.find("sh") == Path("/bin/sh")
    write(unpacked / "usr/sbin/sh", "", mode=0o755)
    assert packages.find("sh") == unpacked / "usr/sbin/sh"


def test_a_program_that_is_nowhere_is_an_error() -> None:
    with pytest.raises(LabError, match="no-such-program"):
        packages.find("no-such-program")


def test_a_file_is_the_unpacked_one_or_the_systems(unpacked: Path) -> None:
    found = packages.find_file("etc/containers/policy.json")
    assert found == unpacked / "etc/containers/policy.json"
    assert packages.find_file("etc/passwd") == Path("/etc/passwd")
    with pytest.raises(LabError, match="no-such-file"):
        packages.find_file("etc/no-such-file")


def test_a_program_runs_with_the_libraries_it_was_unpacked_with(unpacked: Path) -> None:
    library = unpacked / "usr/lib" / f"{platform.machine()}-linux-gnu"
    assert packages.run("hello").strip().split(":")[0] == str(library)


def test_the_tree_can_be_seen_from_elsewhere() -> None:
    inside = packages.environment(Path("/run/lab/packages"))
    assert inside["PATH"].startswith("/run/lab/packages/usr/sbin:")
    assert inside["PATH"].endswith(":/sbin:/bin")
    assert all(part.startswith("/run/lab/") for part in inside["LD_LIBRARY_PATH"].split(":"))


def test_nothing_that_is_not_there_can_be_built() -> None:
    with pytest.raises(UsageError, match="nothing here is called 'nginx'") as refused:
        builds.build(["nginx"])
    assert "kubernetes" in refused.value.remedy
    assert "podinfo" in refused.value.remedy


def test_a_cache_that_a_cluster_lives_in_is_not_purged(cache: Path) -> None:
    for name in ("b", "a"):
        write(cache / "clusters" / name / "node.json", "{}")
    with pytest.raises(LabError, match="in use by a cluster") as refused:
        builds.purge()
    assert refused.value.seen == "a, b"
    assert cache.exists()


def test_a_purged_cache_is_gone(cache: Path) -> None:
    write(cache / "artifacts/x/file", "")
    builds.purge()
    assert not cache.exists()
    builds.purge()
