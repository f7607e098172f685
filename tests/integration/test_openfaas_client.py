"""OpenFaaS's own client, which knows nothing of this course, drives the provider"""

from __future__ import annotations

import json
import os
from pathlib import Path

from lab_helpers import Lab
from lab_helpers._exec import run
from lab_helpers.programs import _environment, go

from .functions_api import openfaas, push_probe

CLIENT = Path(__file__).parent / "client"


def test_openfaas_own_client_takes_a_function_through_its_life(lab: Lab, tmp_path: Path) -> None:
    program = tmp_path / "client"
    run([go(), "build", "-o", program, "."], cwd=CLIENT, env=_environment(), timeout=300)
    image = push_probe(lab, tmp_path)
    with openfaas(lab) as api:
        assert api.auth is not None
        name, password = api.auth
        given = {
            "GATEWAY": api.address, "NAME": name, "PASSWORD": password,
            "NAMESPACE": api.namespace, "IMAGE": image,
        }  # fmt: skip
        lines = run([program], env={**os.environ, **given}, timeout=90).splitlines()
        left = api.names()
    said = {each["step"]: each["said"] for each in map(json.loads, lines)}
    assert len(said) == 15
    assert said["info"]["provider"]["orchestration"] == "kubernetes"
    assert api.namespace in said["namespaces"]
    assert (said["available"]["name"], said["available"]["image"]) == ("driven", image)
    assert said["scaled"]["replicas"] == 2
    assert "hello" in said["invoke"] or json.loads(said["invoke"])["bytes"] == 5
    (function,) = said["functions"]
    assert function["envVars"] == {"version": "2"}
    assert function["limits"] == {"memory": "96Mi"}
    assert said["secrets"] == [{"name": "driven-secret", "namespace": api.namespace}]
    assert any("POST" in text for text in said["logs"])
    assert left == []
