"""The app of a learner that nobody else is; all tests of this folder use it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from lab_helpers import Lab
from lab_helpers.exercises import chapter_11
from lab_helpers.forecast_app import NEEDS, ForecastApp

from ..support import command
from ..test_learners import close


@pytest.fixture(scope="package")
def learner(lab: Lab) -> Iterator[Lab]:
    for component in NEEDS:
        command("enable", component, timeout=400)
    found = Lab(lab.connection, chapter="11", learner=f"eve{secrets.token_hex(3)}")
    yield found
    close(found)


@pytest.fixture(scope="package")
def app(learner: Lab) -> Iterator[ForecastApp]:
    """All flows of it."""
    app = ForecastApp.whole(learner, source="simulated")
    yield app
    app.clean_up()


@pytest.fixture
def filled(app: ForecastApp) -> None:
    """There are forecasts of four places."""
    if {each["aemetid"] for each in app.shown()} < set(chapter_11.PLACES):
        app.fetch()
        app.wait_for(*chapter_11.PLACES)
