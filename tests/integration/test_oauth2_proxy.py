"""oauth2-proxy: it asks people who they are, and tells functions; nobody is sent to strangers."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import NamedTuple

import pytest

from lab_helpers import Lab, openid
from lab_helpers.exercises import chapter_10
from lab_helpers.openid import Visitor

from .support import command
from .test_learners import close

SIGN_IN = "Sign in to Serverless on Kubernetes"
FUNCTION = "openid-example"


class Guarded(NamedTuple):
    """A site behind the door, of a learner that nobody else is, and a function."""

    lab: Lab
    site: str
    function: str
    enter: Callable[[str, str], Visitor]


@pytest.fixture(scope="module")
def guarded(lab: Lab) -> Iterator[Guarded]:
    for component in ("oauth2-proxy", "minio"):
        command("enable", component, timeout=400)
    learner = Lab(lab.connection, chapter="10", learner=f"eve{secrets.token_hex(3)}")
    chapter_10.provide(learner)
    faas = learner.openfaas()
    faas.up(FUNCTION, environment={"OPENID_ISSUER": openid.issuer(lab, "tfm")})
    function = faas.url(FUNCTION).rpartition("/")[2]
    proxy = lab.with_port(f"http://oauth2.{lab.connection.domain}", f"/function/{function}")
    with ExitStack() as opened:

        def enter(who: str, address: str) -> Visitor:
            visitor = openid.signed_in(learner, who, address)
            opened.callback(visitor.close)
            return visitor

        yield Guarded(learner, learner.url("members", "/index.html"), proxy, enter)
    openid.disallow(learner, "oauth2-proxy", learner.url("members", "/oauth2/callback"))
    openid.remove_realm(learner, learner.name(chapter_10.REALM))
    learner.storage().remove_bucket(learner.name(chapter_10.NAMESPACE))
    faas.clean_up()
    lab.kubectl("delete", "namespace", learner.name(chapter_10.NAMESPACE), "--wait=false")
    close(learner)


@pytest.mark.parametrize("path", ["/index.html", "/staff.html", "/index.html?a=1&b=%26", "/none"])
def test_a_stranger_is_asked_and_then_gets_the_page_they_wanted(
    guarded: Guarded, path: str
) -> None:
    address = guarded.lab.url("members", path)
    visitor = guarded.enter("learner", address)
    assert str(visitor.page.url if visitor.page else "") == address
    assert [each.path for each in visitor.hops][1:] == ["/oauth2/callback", path.partition("?")[0]]


def test_a_cookie_is_of_no_use_to_scripts_and_other_sites(guarded: Guarded) -> None:
    visitor = guarded.enter("learner", guarded.site)
    set_ = [cookie for hop in visitor.hops for cookie in hop.cookies if "_oauth2_proxy (" in cookie]
    assert set_ == ["_oauth2_proxy (HttpOnly, SameSite=Lax)"]
    visitor.get(guarded.site)
    assert [each.status for each in visitor.hops] == [200]


def test_a_cookie_that_was_changed_is_none(guarded: Guarded, lab: Lab) -> None:
    forged = {"Cookie": f"_oauth2_proxy={secrets.token_urlsafe(200)}"}
    assert lab.http.get(guarded.site, headers=forged).is_redirect


@pytest.mark.parametrize(
    "elsewhere",
    ["https://elsewhere.example/", "//elsewhere.example/", "/\\elsewhere.example",
     "/%09/elsewhere.example/", "http://members.localhost.elsewhere.example/"],
)  # fmt: skip
@pytest.mark.parametrize("way", ["start", "sign_out"])
def test_nobody_is_sent_to_a_stranger(guarded: Guarded, lab: Lab, way: str, elsewhere: str) -> None:
    visitor = guarded.enter("learner", guarded.site)
    visitor.get(guarded.lab.url("members", f"/oauth2/{way}?rd={elsewhere}"))
    hosts = {each.host.partition(":")[0] for each in visitor.hops}
    own = guarded.site.split("/")[2].partition(":")[0]
    assert hosts <= {own, f"keycloak.{lab.connection.domain}"}


def test_signing_out_ends_the_session_at_keycloak_too(guarded: Guarded) -> None:
    visitor = guarded.enter("learner", guarded.site)
    visitor.get(guarded.lab.url("members", "/oauth2/sign_out?rd=/index.html"))
    assert visitor.title == SIGN_IN
    visitor.get(guarded.function)
    assert visitor.title == SIGN_IN


@pytest.mark.parametrize("who", ["learner", "admin"])
def test_a_function_behind_it_is_told_who_calls(guarded: Guarded, who: str) -> None:
    visitor = guarded.enter(who, guarded.function)
    assert visitor.page
    assert visitor.page.json()["preferred_username"] == who


def test_nobody_says_for_themselves_who_they_are(guarded: Guarded, lab: Lab) -> None:
    says = {"X-Forwarded-User": "admin", "X-Forwarded-Access-Token": "x", "X-Forwarded-Host": "x.y"}
    answer = lab.http.get(guarded.function, headers=says)
    assert answer.is_redirect
    assert answer.headers["location"].startswith(openid.issuer(lab, "tfm"))


def test_a_token_is_not_shown_to_the_page(guarded: Guarded) -> None:
    visitor = guarded.enter("learner", guarded.site)
    answer = visitor.get(guarded.lab.url("members", "/oauth2/auth"))
    assert answer.status_code == 202
    shown = f"{dict(answer.headers)}{answer.text}"
    assert "eyJ" not in shown, "that is how tokens begin"


def test_a_killed_proxy_knows_people_again(guarded: Guarded, lab: Lab) -> None:
    visitor = guarded.enter("learner", guarded.site)
    (killed,) = lab.ready_pods("oauth2-proxy", "app=oauth2-proxy")
    lab.kubectl("delete", "pod", killed, "-n", "oauth2-proxy", "--grace-period=0", "--force")
    again = lambda: set(lab.ready_pods("oauth2-proxy", "app=oauth2-proxy")) - {killed}  # noqa: E731
    lab.wait_until("another pod", again)
    lab.wait_until("the page", lambda: visitor.get(guarded.site).is_success)
    assert [each.status for each in visitor.hops] == [200]
    assert visitor.title == "Members"


def test_the_log_has_no_token_and_no_secret(guarded: Guarded, lab: Lab) -> None:
    guarded.enter("learner", guarded.function)
    log = lab.kubectl("logs", "deploy/oauth2-proxy", "-n", "oauth2-proxy")
    held = lab.secret("oauth2-proxy", namespace="oauth2-proxy").values()
    assert "eyJ" not in log
    assert not [each for each in held if each in log]
    assert "code=" not in log


def test_disable_leaves_nothing(guarded: Guarded, lab: Lab) -> None:
    del guarded  # has enabled it
    command("disable", "oauth2-proxy", timeout=120)
    assert not lab.kubectl("get", "namespace", "oauth2-proxy", "--ignore-not-found")
    assert lab.http.get(lab.with_port(f"http://oauth2.{lab.connection.domain}")).status_code == 404
