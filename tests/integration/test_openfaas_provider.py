"""The provider's own tests, in Go"""

from __future__ import annotations

from lab_helpers import programs
from lab_helpers._exec import run


def test_the_provider_passes_its_own_tests() -> None:
    """Here and not among the quick ones: what they need is compiled together with OpenFaaS."""
    said = run(
        [programs.go(), "test", "-trimpath", "./provider"],
        cwd=programs.PROGRAMS / "openfaas",
        timeout=500,
        env=programs._environment(),
    )
    assert said.startswith("ok"), said
