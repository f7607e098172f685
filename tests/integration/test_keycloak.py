"""Users sign in at Keycloak, step by step as a browser does, and a function believes its tokens."""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from hashlib import sha256

import httpx
import pytest

from lab_helpers import Lab, openid
from lab_helpers._wait import NotYet, until
from lab_helpers.openfaas.workflow import OpenFaaS
from lab_helpers.openid import Visitor

from .support import command
from .test_learners import close

CLIENT = "oauth2-proxy"
Open = Callable[..., "Client"]
DISCOVERY = "/.well-known/openid-configuration"


@pytest.fixture(scope="module")
def learner(lab: Lab) -> Iterator[Lab]:
    for name in ("keycloak", "openfaas"):
        command("enable", name, timeout=400)
    somebody = Lab(lab.connection, chapter="79", learner=f"eve{secrets.token_hex(3)}")
    yield somebody
    close(somebody)


@pytest.fixture(scope="module")
def issuer(lab: Lab, learner: Lab) -> str:
    del learner  # has enabled it
    return openid.issuer(lab, "tfm")


@pytest.fixture(scope="module")
def faas(learner: Lab, issuer: str) -> Iterator[OpenFaaS]:
    deployed = learner.openfaas()
    deployed.up("openid-example", environment={"OPENID_ISSUER": issuer})
    yield deployed
    deployed.clean_up()


@pytest.fixture
def client(lab: Lab, issuer: str) -> Iterator[Open]:
    """Somebody at the client, before a browser that knows nobody yet."""
    with ExitStack() as opened:

        def come(**given: str) -> Client:
            made = Client(lab, issuer, **given)
            opened.callback(made.visitor.close)
            return made

        yield come


class Client:
    """Somebody who goes to a client, is sent to Keycloak, and signs in.

    :ivar redirect: where Keycloak is asked to send them back to.
    """

    def __init__(self, lab: Lab, issuer: str, *, redirect: str = "") -> None:
        self.visitor = Visitor()
        self._lab = lab
        self._said = lab.http.get(issuer + DISCOVERY).raise_for_status().json()
        proxy = lab.with_port(f"http://oauth2.{lab.connection.domain}", "")
        self.redirect = redirect or f"{proxy}/oauth2/callback"
        self._verifier = secrets.token_urlsafe(48)

    def ask(self) -> httpx.Response:
        """What Keycloak answers to somebody that nobody knows yet: its form, or a refusal."""
        proof = urlsafe_b64encode(sha256(self._verifier.encode()).digest()).decode().rstrip("=")
        asked = {
            "client_id": CLIENT, "response_type": "code", "scope": "openid", "state": "s",
            "redirect_uri": self.redirect, "code_challenge": proof,
            "code_challenge_method": "S256",
        }  # fmt: skip
        return self.visitor.get(self._said["authorization_endpoint"], params=asked)

    def sign_in(self, username: str, password: str) -> httpx.Response:
        """Fill in the form."""
        self.ask()
        return self.visitor.fill_in(stop=self.redirect, username=username, password=password)

    def token(self, username: str, password: str) -> str:
        """The token that the client gets for the code it is sent back with."""
        back = openid.given(self.sign_in(username, password).headers["location"])
        exchange = self._lab.http.post(
            self._said["token_endpoint"],
            data={"grant_type": "authorization_code", "code": back["code"], "client_id": CLIENT,
                  "client_secret": self._secret("PROXY_SECRET"), "redirect_uri": self.redirect,
                  "code_verifier": self._verifier},
        )  # fmt: skip
        token: str = exchange.raise_for_status().json()["access_token"]
        return token

    def _secret(self, key: str) -> str:
        return self._lab.secret("tfm", namespace="keycloak")[key]


def password(lab: Lab, who: str) -> str:
    return lab.secret("tfm", namespace="keycloak")[f"{who.upper()}_PASSWORD"]


@pytest.mark.parametrize(
    ("who", "roles"), [("learner", {"learner"}), ("admin", {"learner", "admin"})]
)
def test_a_pod_believes_a_token_that_a_browser_was_given(
    lab: Lab, faas: OpenFaaS, issuer: str, client: Open, who: str, roles: set[str]
) -> None:
    token = client().token(who, password(lab, who))
    answer = faas.invoke(
        "openid-example", method="GET", headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 200, answer.text
    claims = answer.json()
    assert claims["iss"] == issuer
    assert claims["preferred_username"] == who
    assert {"learner", "admin"} & set(claims["realm_access"]["roles"]) == roles
    assert claims["exp"] - claims["iat"] == 300


def test_a_token_of_another_realm_is_refused(lab: Lab, faas: OpenFaaS, issuer: str) -> None:
    login = lab.secret("keycloak-admin", namespace="keycloak")
    master = issuer.replace("/tfm", "/master")
    given = lab.http.post(
        f"{master}/protocol/openid-connect/token",
        data={"grant_type": "password", "client_id": "admin-cli", **login},
    ).raise_for_status()
    token = given.json()["access_token"]
    answer = faas.invoke(
        "openid-example", method="GET", headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 401


def test_a_wrong_password_gets_the_form_again(client: Open) -> None:
    somebody = client()
    assert somebody.sign_in("learner", "wrong").status_code == 200
    assert "Invalid username or password" in somebody.visitor.complaint


@pytest.mark.parametrize(
    "elsewhere",
    ["http://elsewhere.example/oauth2/callback", "http://oauth2.localhost.elsewhere.example/"],
)
def test_nobody_is_sent_to_another_site(client: Open, elsewhere: str) -> None:
    somebody = client(redirect=elsewhere)
    assert somebody.ask().status_code == 400
    assert "Invalid parameter: redirect_uri" in somebody.visitor.complaint


def test_it_comes_back_with_all_that_it_knew(lab: Lab, issuer: str, client: Open) -> None:
    keys = f"{issuer}/protocol/openid-connect/certs"
    before = lab.http.get(keys).raise_for_status().json()
    (killed,) = lab.ready_pods("keycloak")
    lab.kubectl("delete", "pod", killed, "--namespace=keycloak", "--grace-period=0", "--force")
    again = partial(lab.ready_pods, "keycloak")
    lab.wait_until("another pod", lambda: set(again()) - {killed}, timeout=180)

    def served() -> object:
        answer = lab.http.get(keys)
        if answer.status_code != httpx.codes.OK:
            raise NotYet(f"answered {answer.status_code}")
        return answer.json()

    assert until("Keycloak to be served", served, timeout=30) == before
    assert client().token("learner", password(lab, "learner"))
