"""lab_helpers.session and lab_helpers._kubectl"""

from __future__ import annotations

from pathlib import Path

import pytest

from lab_helpers._config import export
from lab_helpers._kubectl import kubectl
from lab_helpers.cluster import Connection
from lab_helpers.session import variables

CONNECTION = Connection(
    "embedded", Path("/c/kubeconfig"), "localhost", 81, "localhost:32000", "localhost:82",
    Path("/c/bin/kubectl"),
)  # fmt: skip


def test_variables_name_the_cluster() -> None:
    found = variables(CONNECTION)
    assert found["KUBECONFIG"] == "/c/kubeconfig"
    assert found["LAB_CLUSTER"] == "embedded"
    assert found["LAB_NAME"] == "lab"


def test_what_was_said_of_the_cluster_is_handed_on_and_nothing_else() -> None:
    said = {"LAB_CONTEXT": "there", "LAB_REGISTRY": "registry.example:5000", "LAB_IMAGES": "built"}
    export(**said, LAB_LEARNER="ana")
    found = variables(CONNECTION)
    assert {name: found[name] for name in said} == said
    assert found["LAB_LEARNER"] == "ana"
    assert "LAB_DOMAIN" not in found


def test_the_clusters_kubectl_is_found_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert variables(CONNECTION)["PATH"] == "/c/bin:/usr/bin:/bin"


def test_connecting_twice_adds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    once = variables(CONNECTION)
    for name, value in once.items():
        monkeypatch.setenv(name, value)
    assert variables(CONNECTION) == once


def test_the_cluster_is_never_behind_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "example.org,localhost")
    listed = variables(CONNECTION)["NO_PROXY"].split(",")
    assert listed[:2] == ["example.org", "localhost"]
    assert {"127.0.0.1", ".localhost", "10.153.0.0/16"} <= set(listed)
    assert len(listed) == len(set(listed))


def test_kubectl_gets_kubeconfig_input_and_no_proxy(tmp_path: Path) -> None:
    program = tmp_path / "kubectl"
    program.write_text('#!/bin/sh\necho "$@" "$(cat)" "$NO_PROXY"\n')
    program.chmod(0o755)
    said = kubectl(program, Path("/k"), "apply", "-f", "-", stdin="text").split()
    assert said[:-1] == ["--kubeconfig", "/k", "apply", "-f", "-", "text"]
    assert "10.153.0.0/16" in said[-1]
