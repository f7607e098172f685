"""What the tests of a running cluster begin with.

Components that they enable stay enabled, as after a chapter: the next module has them at once.
``test_components.py`` begins without any.
"""

from __future__ import annotations

import pytest

from lab_helpers import Lab


@pytest.fixture(scope="session", autouse=True)
def _podinfo_in_the_registry(lab: Lab) -> None:
    lab.push_image("podinfo")
