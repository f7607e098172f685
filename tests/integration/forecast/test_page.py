"""The forecast app as its readers have it: a real browser, and all that is behind the page."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

from lab_helpers import Lab, browser
from lab_helpers.exercises import chapter_11
from lab_helpers.forecast_app import COLLECTION, GET, ForecastApp

Open = Callable[..., Page]
NARROW = {"width": 320, "height": 640}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as driver:
        started = driver.chromium.launch(**browser.launch_options())
        yield started
        started.close()


@pytest.fixture
def opened(chromium: Browser, app: ForecastApp) -> Iterator[Open]:
    """Opens the page in a browser that knows nobody; what its scripts complain of is a failure."""
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def open_(path: str = "", **options: Any) -> Page:
        contexts.append(chromium.new_context(**{"locale": "en-GB", **options}))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(f"{app.address}{path}")
        return page

    yield open_
    for each in contexts:
        each.close()
    assert wrong == []


def sign_in(page: Page, learner: Lab, who: str, password: str = "") -> None:
    """Fill in Keycloak's form."""
    known = learner.secret("tfm", namespace="keycloak")[f"{who.upper()}_PASSWORD"]
    page.fill("#username", who)
    page.fill("#password", password or known)
    page.click("#kc-login")


def status(page: Page, state: str) -> Locator:
    return page.locator(f"[data-testid=status][data-state={state}]")


def assert_nobody_is_kept_out(page: Page) -> None:
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.fixture
def emptied(learner: Lab) -> None:
    """There are none."""
    with learner.mongodb() as store:
        store.database[COLLECTION].delete_many({})


@pytest.mark.usefixtures("emptied")
def test_a_page_without_forecasts_says_how_they_come(opened: Open) -> None:
    page = opened()
    expect(status(page, "empty")).to_contain_text("every four hours")
    expect(page.get_by_test_id("place")).to_have_count(0)
    assert_nobody_is_kept_out(page)


@pytest.mark.usefixtures("emptied")
def test_an_admin_brings_the_first_forecasts_in_and_sees_them_come(
    opened: Open, learner: Lab, app: ForecastApp
) -> None:
    page = opened()
    page.get_by_test_id("sign-in").click()
    assert "/realms/tfm/" in page.url
    sign_in(page, learner, "admin")
    expect(page.get_by_test_id("account")).to_contain_text("admin")
    assert page.url == app.address
    page.get_by_test_id("reload").click()
    expect(page.locator("[data-testid=reload-result][data-phase=done]")).to_be_visible()
    expect(page.get_by_test_id("place")).to_have_count(4)
    assert_nobody_is_kept_out(page)


@pytest.mark.usefixtures("filled")
def test_what_is_shown_is_what_is_in_the_database(opened: Open, app: ForecastApp) -> None:
    page = opened("?lang=es")
    expect(status(page, "ready")).to_be_visible()
    for told in app.shown():
        card = page.locator(f"[data-testid=place][data-place='{told['aemetid']}']")
        expect(card.get_by_role("heading", level=2)).to_have_text(told["name"])
        expect(card).to_contain_text(told["state"])
        days = card.get_by_test_id("day")
        expect(days).to_have_count(3)
        for number, day in enumerate(told["prediccion"]):
            expect(days.nth(number)).to_contain_text(day["estado_cielo"])
            for degrees in day["temperatura"].values():
                expect(days.nth(number)).to_contain_text(str(abs(degrees)))


@pytest.mark.usefixtures("filled")
def test_a_new_forecast_comes_up_without_anybody_doing_anything(
    opened: Open, app: ForecastApp
) -> None:
    page = opened()
    made = page.locator(f"[data-place='{chapter_11.MADRID}'] [data-testid=update] time")
    before = made.get_attribute("datetime")
    app.renew(chapter_11.MADRID)
    expect(made).not_to_have_attribute("datetime", str(before), timeout=15_000)


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(("language", "words"), [("en", "Invented weather"), ("es", "inventado")])
def test_it_says_in_both_languages_that_the_weather_is_invented(
    opened: Open, language: str, words: str
) -> None:
    page = opened(f"?lang={language}")
    expect(page.get_by_test_id("source")).to_contain_text(words)
    expect(page.locator("html")).to_have_attribute("lang", language)
    assert_nobody_is_kept_out(page)


@pytest.mark.usefixtures("filled")
def test_the_language_is_the_browsers_and_can_be_changed(opened: Open) -> None:
    page = opened(locale="es-ES")
    expect(page.locator("html")).to_have_attribute("lang", "es")
    page.get_by_test_id("language").get_by_text("English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "en")


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_telephone_by_day_and_by_night(opened: Open, scheme: str) -> None:
    page = opened(viewport=NARROW, color_scheme=scheme)
    expect(page.get_by_test_id("place")).to_have_count(4)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= NARROW["width"]
    assert_nobody_is_kept_out(page)


def test_a_wrong_password_is_asked_for_again(opened: Open, learner: Lab) -> None:
    page = opened("oauth2/start?rd=/")
    sign_in(page, learner, "learner", secrets.token_hex(4))
    expect(page.get_by_text("Invalid username or password")).to_be_visible()


@pytest.mark.usefixtures("filled")
def test_a_learner_signs_in_may_not_reload_and_signs_out(
    opened: Open, learner: Lab, app: ForecastApp
) -> None:
    page = opened("oauth2/start?rd=/")
    sign_in(page, learner, "learner")
    expect(page.get_by_test_id("account")).to_contain_text("learner")
    expect(page.get_by_test_id("reload")).to_be_hidden()
    files = app.files.names()
    asked = "fetch('api/reload-forecast', {method: 'POST'}).then((answer) => answer.status)"
    assert page.evaluate(asked) == 403
    assert app.files.names() == files
    assert_nobody_is_kept_out(page)
    page.get_by_test_id("sign-out").click()
    page.goto(app.address)
    expect(page.get_by_test_id("sign-in")).to_be_visible()
    assert page.evaluate(asked) == 401


@pytest.mark.usefixtures("filled")
def test_what_was_there_stays_and_the_page_says_what_is_wrong(
    opened: Open, app: ForecastApp, learner: Lab
) -> None:
    page = opened()
    expect(page.get_by_test_id("place")).to_have_count(4)
    learner.openfaas().remove(GET)
    expect(status(page, "stale")).to_contain_text(re.compile("HTTP (404|50.)"), timeout=15_000)
    expect(page.get_by_test_id("place")).to_have_count(4)
    assert_nobody_is_kept_out(page)
    stranger = opened()
    expect(status(stranger, "error")).to_be_visible()
    assert_nobody_is_kept_out(stranger)
    stranger.get_by_test_id("try-again").click()
    app.show()
    for each in (page, stranger):
        expect(status(each, "ready")).to_be_visible(timeout=35_000)
    expect(stranger.get_by_test_id("place")).to_have_count(4)
