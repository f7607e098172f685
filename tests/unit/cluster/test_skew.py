"""lab_helpers.cluster._skew"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lab_helpers import LabError
from lab_helpers._config import settings
from lab_helpers.cluster import _skew
from lab_helpers.programs import CATALOGUE

COURSE = CATALOGUE["kubernetes"]
MINOR = _skew.minor(COURSE.version)


@pytest.fixture(autouse=True)
def built() -> Path:
    """The course's own is in the cache."""
    COURSE.artifact.path.mkdir(parents=True)
    COURSE.binary.touch()
    return COURSE.binary


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    (tmp_path / "path").mkdir()
    return tmp_path / "path"


def kubectl(folder: Path, version: str) -> Path:
    """A kubectl of some version."""
    program = folder / "kubectl"
    program.write_text(f'#!/bin/sh\necho \'{{"clientVersion": {{"gitVersion": "{version}"}}}}\'\n')
    program.chmod(0o755)
    return program


@pytest.mark.parametrize("server", [33, 34, 35])
def test_the_users_own_is_taken_within_a_minor_version(path: Path, server: int) -> None:
    own = kubectl(path, "v1.34.2")
    assert _skew.fitting_kubectl(f"v1.{server}.9-gke.100") == own


def test_else_the_courses_is_taken(path: Path, built: Path) -> None:
    kubectl(path, f"v1.{MINOR - 2}.0")
    assert _skew.fitting_kubectl(f"v1.{MINOR}.0") == built


def test_where_neither_fits_the_nearer_one_is_taken_and_that_is_said(
    path: Path, built: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = kubectl(path, f"v1.{MINOR - 3}.0")
    assert _skew.fitting_kubectl(f"v1.{MINOR - 5}.0") == own
    kubectl(path, f"v1.{MINOR - 9}.0")
    assert _skew.fitting_kubectl(f"v1.{MINOR - 2}.0") == built
    assert capsys.readouterr().err.count("more than one minor version") == 2


def test_one_that_does_not_say_its_version_is_not_taken(path: Path, built: Path) -> None:
    for content in ("#!/bin/sh\nexit 1\n", "#!/bin/sh\necho words\n", "#!/bin/sh\necho []\n"):
        kubectl(path, "").write_text(content)
        assert _skew.fitting_kubectl(f"v1.{MINOR}.0") == built


def test_what_the_course_put_on_the_path_is_not_the_users(
    path: Path, built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = settings().clusters / "lab" / "bin"
    ours.mkdir(parents=True)
    kubectl(ours, "v1.30.0")
    monkeypatch.setenv("PATH", f"{ours}:{path}")
    assert _skew.fitting_kubectl("v1.30.0") == built


def test_asking_for_the_version_leads_to_no_cluster(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", "/some/cluster")
    program = kubectl(path, "v1.33.0")
    program.write_text(f"{program.read_text()}echo $KUBECONFIG >{path}/asked\n")
    _skew.fitting_kubectl("v1.33.0")
    assert (path / "asked").read_text().strip() == os.devnull


def test_kubeconfigs_are_read_with_what_is_there(path: Path, built: Path) -> None:
    own = kubectl(path, "v1.20.0")
    assert _skew.any_kubectl().name == "kubectl"
    assert _skew.any_kubectl().resolve() == built
    built.unlink()
    built.parent.rmdir()
    assert _skew.any_kubectl() == own


@pytest.mark.parametrize("version", ["", "v2.0.0", "1.30", "v1"])
def test_another_kubernetes_is_refused(version: str) -> None:
    with pytest.raises(LabError, match="no version of Kubernetes 1"):
        _skew.minor(version)
