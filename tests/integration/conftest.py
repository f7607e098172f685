"""Fixtures of the tests that look at the running cluster."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from lab_helpers import connect
from lab_helpers._lab import Lab


@pytest.fixture(scope="session")
def lab() -> Lab:
    return connect(solve=True)


@pytest.fixture
def namespace(lab: Lab) -> Iterator[str]:
    name = f"test-{uuid4().hex[:8]}"
    lab.kubectl("create", "namespace", name)
    yield name
    lab.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="session", autouse=True)
def _podinfo_in_the_registry(lab: Lab) -> None:
    lab.push_image("podinfo")
