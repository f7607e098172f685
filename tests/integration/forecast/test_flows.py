"""The forecast app: its flows on the cluster, and what is left of it while a part is away."""

from __future__ import annotations

import secrets
import time
from datetime import datetime, timedelta
from statistics import median

import pytest

from lab_helpers import Lab, openid, outages
from lab_helpers.exercises import chapter_11
from lab_helpers.forecast_app import ForecastApp

pytestmark = pytest.mark.usefixtures("filled")

MADRID, MONTALBO = chapter_11.MADRID, chapter_11.MONTALBO
BROKEN = {
    "MongoDB": "forecasts",
    "MinIO": "page",
    "NATS": "",
    "the gateway": "forecasts",
    "Keycloak": "sign_in",
}
"""What a reader sees of each part's end; of one nothing."""


def test_a_new_file_is_shown_within_three_seconds(app: ForecastApp) -> None:
    took = []
    for _ in range(8):
        began = time.monotonic()
        wanted = app.renew(MADRID)
        app.wait_for(MADRID, after={MADRID: earlier(wanted)})
        took.append(time.monotonic() - began)
    print(f"median {median(took):.2f} s, slowest {max(took):.2f} s")
    assert max(took) < 3


def earlier(update: str) -> str:
    return (datetime.fromisoformat(update) - timedelta(seconds=1)).isoformat()


def test_what_is_shown_is_what_was_fetched(app: ForecastApp) -> None:
    assert {each["aemetid"] for each in app.shown()} == set(chapter_11.PLACES)
    assert all(len(each["prediccion"]) == 3 for each in app.shown())


def test_only_admins_reload(app: ForecastApp, learner: Lab) -> None:
    assert learner.http.post(app.reload).status_code == 401
    answers = {}
    for who in ("learner", "admin"):
        visitor = openid.signed_in(learner, who, app.sign_in)
        answers[who] = visitor.post(app.reload)
        visitor.close()
    assert answers["learner"].status_code == 403
    assert answers["admin"].status_code == 200
    assert set(answers["admin"].json()) == set(chapter_11.PLACES)


@pytest.mark.parametrize(
    "path",
    [
        "api/reload-forecast/",
        "api/reload-forecast?x=1",
        "API/RELOAD-FORECAST",
        "api//reload-forecast",
    ],
)
def test_there_is_no_way_around_the_door(app: ForecastApp, learner: Lab, path: str) -> None:
    files = app.files.names()
    assert learner.http.post(f"{app.address}{path}").status_code >= 400
    assert app.files.names() == files


def test_a_forged_cookie_and_forged_headers_do_not_reload(app: ForecastApp, learner: Lab) -> None:
    said = {
        "Cookie": f"_oauth2_proxy={secrets.token_urlsafe(200)}", "X-Forwarded-User": "admin",
        "X-Forwarded-Groups": "role:admin", "X-Auth-Request-Groups": "role:admin",
        "Authorization": "Bearer admin",
    }  # fmt: skip
    assert learner.http.post(app.reload, headers=said).status_code == 401


def test_what_cannot_be_used_is_put_aside_and_the_rest_goes_on(
    app: ForecastApp, learner: Lab
) -> None:
    before = {each["aemetid"]: each for each in app.shown()}
    app.files.put(app.files.newest(MADRID)[:300], MADRID)
    chapter_11.put_under_another_name(learner)
    app.wait_for(MONTALBO, after={MONTALBO: earlier(app.renew(MONTALBO))})
    learner.wait_until("two dead letters", lambda: len(chapter_11.refused(learner)) >= 2)
    reasons = " ".join(each["reason"] for each in chapter_11.refused(learner))
    assert "this is no XML" in reasons
    assert f"the file of {MONTALBO} is about {MADRID}" in reasons
    assert {each["aemetid"]: each for each in app.shown()}[MADRID] == before[MADRID]


@pytest.mark.parametrize("part", outages.PARTS)
def test_it_recovers_by_itself_and_loses_nothing(app: ForecastApp, learner: Lab, part: str) -> None:
    files = set(app.files.names())
    seen = outages.kill(learner, app, part, place=MADRID)
    print(outages.table([seen]))
    assert files < set(app.files.names())
    assert {each["aemetid"] for each in app.shown()} == set(chapter_11.PLACES)
    broken = {
        name for name in ("page", "forecasts", "sign_in") if set(getattr(seen, name)) > {"200"}
    }
    assert BROKEN[part] in broken or (not BROKEN[part] and not broken)
