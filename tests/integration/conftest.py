"""What the tests of a running cluster begin with."""

from __future__ import annotations

import pytest

from lab_helpers import Lab


@pytest.fixture(scope="session", autouse=True)
def _podinfo_in_the_registry(lab: Lab) -> None:
    lab.push_image("podinfo")
