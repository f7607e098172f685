"""The provider's own tests, in Go"""

from __future__ import annotations

import pytest

from lab_helpers import programs
from lab_helpers._exec import run


@pytest.mark.full
def test_the_provider_passes_its_own_tests() -> None:
    """With a full cache all that they need would be compiled again, for some minutes."""
    said = run(
        [programs.go(), "test", "-trimpath", "./provider"],
        cwd=programs.PROGRAMS / "openfaas",
        timeout=500,
        env=programs._environment(),
    )
    assert said.startswith("ok"), said
