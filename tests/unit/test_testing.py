"""lab_helpers.testing and tests/conftest.py, with real runs of pytest on small tests"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lab_helpers import UsageError, testing
from lab_helpers._config import ROOT, settings
from lab_helpers._files import write
from lab_helpers.cluster import Connection, Status

from .. import conftest

PASSING = "def test_passes(): pass\n"
FAILING = "def test_fails(): assert False\n"
SHOW_CONNECTION = """import os
def test_x():
    print(os.environ["KUBECONFIG"], os.environ["LAB_CLUSTER"])
    assert False
"""
SETTINGS = """[tool.pytest.ini_options]
addopts = ["-ra"]
markers = ["cluster: needs a running cluster"]
"""
ORDER = "unit", "functions", "manifests", "integration", "notebooks", "faults"


def test_without_a_word_every_stage_is_selected_in_order() -> None:
    assert testing.select([]) == list(ORDER)


def test_stages_run_in_their_order_however_they_are_named() -> None:
    assert testing.select(["faults", "unit", "unit"]) == ["unit", "faults"]


def test_an_unknown_stage_is_refused() -> None:
    with pytest.raises(UsageError, match="there is no stage 'units'") as refused:
        testing.select(["unit", "units"])
    assert refused.value.exit_code == 2
    assert refused.value.remedy == ", ".join(ORDER)


def test_tests_of_code_and_of_functions_need_no_cluster() -> None:
    for selected in (["unit"], ["functions"], ["unit", "functions"]):
        assert not testing.needs_cluster(selected)
    for selected in (["manifests"], ["unit", "faults"], list(ORDER)):
        assert testing.needs_cluster(selected)


@pytest.fixture
def stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stages of one passing test each, with the conftest of the real ones."""
    for name in ORDER:
        write(tmp_path / f"tests/{name}/test_{name}.py", PASSING)
    shutil.copy(ROOT / "tests/conftest.py", tmp_path / "tests")
    write(tmp_path / "pyproject.toml", SETTINGS)
    # Loading every plugin takes seconds, and these tests need none.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setattr(testing, "TESTS", tmp_path / "tests")
    monkeypatch.setattr(testing, "WORKERS", 1)
    return tmp_path / "tests"


class Cluster:
    """A provider whose kubectl says what it was asked, and whose logs are two files."""

    name = "embedded"

    def __init__(self, folder: Path) -> None:
        self.kubectl = folder / "bin/kubectl"
        write(self.kubectl, '#!/bin/sh\necho "kubectl says: $@"\n', mode=0o755)

    def connection(self) -> Connection:
        kubeconfig = self.kubectl.parent / "kubeconfig"
        return Connection(
            "embedded", kubeconfig, "localhost", 81, "localhost:32000", "localhost:82", self.kubectl
        )

    def collect_logs(self, folder: Path) -> None:
        write(folder / "node/kubelet-current", "old\n" * 100 + "the kubelet's last words\n")
        write(folder / "cluster/default/web/logs.txt", "the pod's last words\n")
        write(folder / "cluster/nodes.json", "no log")


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    made = Cluster(tmp_path)
    monkeypatch.setattr(testing, "provider", lambda: made)
    monkeypatch.setenv("LAB_BUILD", str(tmp_path / "build"))
    settings.cache_clear()
    return made


def run(capfd: pytest.CaptureFixture[str], *selected: str, full: bool = False) -> tuple[Any, ...]:
    code = testing.run(list(selected), full=full)
    shown = capfd.readouterr()
    return code, shown.out, shown.err


@pytest.mark.usefixtures("stages")
def test_the_last_line_of_a_success_is_pytests_own(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capfd, "unit")
    assert code == 0
    assert "test_unit.py::test_passes PASSED" in out
    assert "1 passed" in out.splitlines()[-1]
    assert err == ""


@pytest.mark.usefixtures("cluster")
def test_one_pytest_runs_the_stages_in_order_connected_to_the_cluster(
    stages: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write(stages / "faults/test_faults.py", SHOW_CONNECTION)
    code, out, _ = run(capfd, *ORDER)
    assert code == 1
    places = [out.index(f"test_{name}.py::") for name in ORDER]
    assert places == sorted(places)
    assert f"{stages.parent}/bin/kubeconfig embedded" in out
    assert out.count("test session starts") == 1


def test_without_a_cluster_there_is_no_diagnosis(
    stages: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write(stages / "unit/test_unit.py", FAILING)
    code, out, err = run(capfd, "unit")
    assert code == 1
    assert "1 failed" in out.splitlines()[-1]
    assert err == ""


@pytest.mark.usefixtures("stages")
def test_two_workers_share_the_tests(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(testing, "WORKERS", 2)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    code, out, _ = run(capfd, "unit", "functions")
    assert code == 0
    assert "2 passed" in out.splitlines()[-1]
    done = re.findall(r"\[(gw\d)\].* PASSED \S*test_(\w+).py::test_passes", out)
    # Each does one; which of them is ready first, and takes the first stage, is chance.
    assert sorted(worker for worker, _ in done) == ["gw0", "gw1"]
    assert sorted(stage for _, stage in done) == ["functions", "unit"]


@pytest.mark.parametrize(("cpus", "name"), [(1, "embedded"), (2, "kubeconfig")])
def test_one_core_or_one_cluster_has_one_worker(
    cpus: int, name: str, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.name = name
    monkeypatch.setattr(os, "cpu_count", lambda: cpus)
    assert testing._side_by_side(cluster) == []  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("tests/unit/test_a.py::test_b[01]", "tests/unit/test_a.py"),
        ("tests/manifests/test_a.py::test_b", "manifests"),
        ("tests/integration/forecast/test_a.py::test_b", "forecast"),
        ("tests/notebooks/test_a.py::test_b", "tests/notebooks/test_a.py"),
        ("tests/notebooks/test_a.py::test_b[1]", "tests/notebooks/test_a.py"),
        ("tests/notebooks/test_a.py::test_b[01-one]", "chapter 01"),
        ("tests/notebooks/test_c.py::test_d[01/scale]", "chapter 01"),
    ],
)
def test_a_worker_does_what_belongs_together(test: str, expected: str) -> None:
    assert conftest.what_belongs_together(test) == expected


def test_what_needs_an_empty_cluster_comes_before_what_fills_it() -> None:
    modules = (
        "manifests/test_components.py", "faults/test_components.py", "unit/test_components.py",
        "integration/test_argo_events.py", "integration/test_components.py", "functions/test_a.py",
    )  # fmt: skip
    assert (ROOT / conftest.ON_AN_EMPTY_ONE).exists()
    done = sorted((f"tests/{each}::test_a" for each in modules), key=conftest.turn)
    assert [each.split("/")[1] for each in done[:3]] == ["unit", "functions", "integration"]
    assert done[2].startswith(conftest.ON_AN_EMPTY_ONE)


def test_the_second_worker_has_a_cluster_and_a_folder_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, second in (("lab", "lab-2"), ("abcdefghij", "abcdefgh-2")):
        monkeypatch.setenv("LAB_NAME", name)
        monkeypatch.setenv("LAB_BUILD", "")
        settings.cache_clear()
        first = settings().build
        testing.become_second()
        assert settings().name == second
        assert settings().build == first.with_name("build-2")


@pytest.fixture
def second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The second worker has made a cluster; what is done about it is noted."""
    noted: list[str] = []

    class Second(Cluster):
        def __init__(self, name: str) -> None:
            super().__init__(tmp_path)
            noted.append(f"the cluster is {name}")

        def status(self) -> Status:
            return Status("running")

        def delete(self) -> None:
            noted.append("deleted")

    monkeypatch.setattr(testing, "EmbeddedProvider", Second)
    monkeypatch.setenv("LAB_NAME", "lab")
    return noted


@pytest.mark.usefixtures("cluster")
def test_the_second_workers_cluster_is_looked_at_and_removed(
    stages: Path, second: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    write(stages / "manifests/test_manifests.py", FAILING)
    code, _, err = run(capfd, "manifests")
    assert code == 1
    assert err.count("the kubelet's last words") == 2
    assert (stages.parent / "build/diagnostics-2/cluster/nodes.json").exists()
    assert set(second) == {"the cluster is lab-2", "deleted"}
    assert second[-1] == "deleted"


@pytest.mark.usefixtures("cluster")
def test_a_failure_shows_pods_events_and_the_ends_of_logs(
    stages: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write(stages / "manifests/test_manifests.py", FAILING)
    code, _, err = run(capfd, "manifests")
    assert code == 1
    assert "get --all-namespaces pods" in err
    assert "get --all-namespaces events" in err
    assert "── node/kubelet-current\n" in err
    assert "the kubelet's last words" in err
    assert err.count("old") < 10
    assert "the pod's last words" in err
    assert "no log" not in err
    assert (stages.parent / "build/diagnostics/cluster/nodes.json").exists()


def test_a_cluster_that_does_not_answer_hides_nothing_else(
    stages: Path, cluster: Cluster, capfd: pytest.CaptureFixture[str]
) -> None:
    cluster.kubectl.write_text("#!/bin/sh\necho connection refused >&2; exit 1\n")
    write(stages / "manifests/test_manifests.py", FAILING)
    code, _, err = run(capfd, "manifests")
    assert code == 1
    assert "connection refused" in err
    assert "the kubelet's last words" in err


def test_what_takes_long_runs_only_when_asked_for(
    stages: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write(stages / "unit/test_unit.py", f"import pytest\n@pytest.mark.full\n{PASSING}", mode=0o644)
    _, out, _ = run(capfd, "unit")
    assert "1 skipped" in out.splitlines()[-1]
    assert "runs with --full only" in out
    _, out, _ = run(capfd, "unit", full=True)
    assert "1 passed" in out.splitlines()[-1]


WITH_A_LAB = """
import pytest
class Lab:
    def kubectl(self, *arguments, **_): print("kubectl", *arguments)
    def delete(self, kind, name): print("deleted", kind, name)
    def events(self, namespace): return f"BackOff in {namespace}"
@pytest.fixture(scope="session")
def lab(): return Lab()
"""


def pytest_on(stages: Path, *options: str) -> str:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-s", *options]
    done = subprocess.run(
        [*command, stages / "manifests"], cwd=stages.parent, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    return done.stdout


def test_a_failed_test_shows_the_events_of_its_namespace(stages: Path) -> None:
    write(stages / "manifests/conftest.py", WITH_A_LAB)
    write(stages / "manifests/test_manifests.py", "def test_x(namespace): assert False")
    out = pytest_on(stages)
    name = out.partition("kubectl create namespace ")[2].split()[0]
    assert name.startswith("test-")
    assert f"BackOff in {name}" in out
    assert f"kubectl delete namespace {name} --wait=false" in out
    assert f"deleted namespace {name}" in out, "at the end of the session it is waited for"


def test_tests_of_the_cluster_can_be_left_out(stages: Path) -> None:
    write(stages / "manifests/conftest.py", WITH_A_LAB)
    write(stages / "manifests/test_manifests.py", f"{PASSING}def test_x(namespace): assert False")
    assert "1 passed, 1 deselected" in pytest_on(stages, "-m", "not cluster")
