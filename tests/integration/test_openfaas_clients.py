"""The provider's tests in Go, and clients that OpenFaaS has published, against the real gateway"""

from __future__ import annotations

from pathlib import Path

import httpx

from lab_helpers import Lab, programs
from lab_helpers._exec import run

from .functions_api import openfaas, push_probe


def test_the_providers_own_tests_and_published_clients(lab: Lab, tmp_path: Path) -> None:
    """Here and not among the quick ones: what they need is compiled once OpenFaaS is."""
    image = push_probe(lab, tmp_path)
    with openfaas(lab) as api:
        user, password = api.auth or ("", "")
        address = httpx.URL(api.address)
        said = run(
            [programs.go(), "test", "-trimpath", "-v", "./provider"],
            cwd=programs.PROGRAMS / "openfaas",
            timeout=500,
            env=programs._environment() | {
                "OPENFAAS_URL": str(address.copy_with(host="127.0.0.1")),
                "OPENFAAS_HOST": address.netloc.decode(),
                "OPENFAAS_USER": user, "OPENFAAS_PASSWORD": password,
                "OPENFAAS_NAMESPACE": api.namespace, "OPENFAAS_IMAGE": image,
            },
        )  # fmt: skip
    assert "--- PASS: TestPublishedClientsGetAlong" in said
    assert "ok " in said
