"""functions/openid-example, before an issuer with real keys that does what the test wants"""

from __future__ import annotations

import hmac
import json
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey

from lab_helpers import functions
from lab_helpers._wait import NotYet, until
from lab_helpers.functions import Function

from .conftest import Server, Start, python
from .http import Answer, ask, request

AUDIENCE = "oauth2-proxy"
EVERY_ALGORITHM = ["RS256", "PS256", "HS256", "none"]


class Provider:
    """An issuer: its keys, how often it was asked for them, and whether it answers at all."""

    def __init__(self) -> None:
        self.keys = [RSAKey.generate_key(2048, {"kid": "first"})]
        self.asked = 0
        self.away = False
        self.says: str | None = None
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._http.server_port}/realms/tfm"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def token(self, key: Any = None, *, alg: str = "RS256", kid: str = "", **claims: Any) -> str:
        """A token; a claim that is None is left out."""
        now = int(time.time())
        said = {"iss": self.url, "aud": [AUDIENCE, "account"], "exp": now + 60, "iat": now,
                "sub": "1", "preferred_username": "learner", **claims}  # fmt: skip
        signs = key or self.keys[-1]
        header = {"alg": alg, "kid": kid or self.keys[-1].kid}
        kept = {name: value for name, value in said.items() if value is not None}
        return jwt.encode(header, kept, signs, algorithms=EVERY_ALGORITHM)

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider._answer(self)

            def log_message(self, format: str, *args: Any) -> None: ...

        return Handler

    def _answer(self, to: BaseHTTPRequestHandler) -> None:
        body: Any = {"issuer": self.says or self.url, "jwks_uri": f"{self.url}/keys"}
        if to.path.endswith("/keys"):
            self.asked += 1
            body = KeySet(self.keys).as_dict(private=False)
        content = json.dumps(body).encode()
        to.send_response(503 if self.away else 200)
        to.send_header("Content-Length", str(len(content)))
        to.end_headers()
        to.wfile.write(content)


@pytest.fixture
def provider() -> Iterator[Provider]:
    started = Provider()
    yield started
    started.close()


@pytest.fixture
def server(launch: Start, provider: Provider) -> Server:
    return serve(launch, provider)


def serve(launch: Start, provider: Provider, pause: str = "0") -> Server:
    return launch(
        functions.find("openid-example"), OPENID_ISSUER=provider.url, OPENID_AUDIENCE=AUDIENCE,
        OPENID_PAUSE=pause, DRAIN_SECONDS="0",
    )  # fmt: skip


def call(server: Server, token: str, header: str = "Authorization: Bearer ") -> Answer:
    return ask(server.port, request("GET", "/", b"", header + token))


def test_who_calls_is_told(server: Server, provider: Provider) -> None:
    for header in (
        "Authorization: Bearer ",
        "authorization: bearer ",
        "X-Forwarded-Access-Token: ",
    ):
        answer = call(server, provider.token(), header)
        assert answer.code == 200
        assert answer.json["preferred_username"] == "learner"
    assert provider.asked == 1  # and kept


def test_without_a_token_it_says_what_is_missing(server: Server) -> None:
    for wanted in (
        request("GET", "/"),
        request("GET", "/", b"", "Authorization: Basic eDp5"),
    ):
        answer = ask(server.port, wanted)
        assert answer.code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "token" in answer.error


def encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def mac(key: bytes, text: str) -> str:
    """By hand: the library does not sign with a public key."""
    return encoded(hmac.digest(key, text.encode(), "sha256"))


def forged(provider: Provider) -> dict[str, str]:
    """Tokens that each have one thing wrong."""
    public = provider.keys[0].as_pem(private=False)
    header, claims, signature = provider.token().split(".")
    other = RSAKey.generate_key(2048, {"kid": "first"})
    simple = encoded(json.dumps({"alg": "HS256", "kid": "first"}).encode())
    longer = f"{claims[:-4]}{'A' * 4}"
    return {
        "expired": provider.token(exp=int(time.time()) - 60),
        "not yet": provider.token(nbf=int(time.time()) + 600),
        "never ends": provider.token(exp=None),
        "for others": provider.token(aud="account"),
        "for nobody": provider.token(aud=None),
        "another issuer": provider.token(iss="http://keycloak.localhost:8080/realms/master"),
        "no issuer": provider.token(iss=None),
        "unsigned": provider.token(OctKey.generate_key(256), alg="none"),
        "signed with what is public": f"{simple}.{claims}.{mac(public, f'{simple}.{claims}')}",
        "signed by another": provider.token(other),
        "with a key that nobody has": provider.token(other, kid="second"),
        "changed": f"{header}.{longer}.{signature}",
        "cut": f"{header}.{claims}.",
        "no token": "abc",
    }


@pytest.mark.filterwarnings("ignore:JWS algorithm:joserfc.errors.SecurityWarning")
def test_a_token_with_anything_wrong_is_refused(server: Server, provider: Provider) -> None:
    for wrong, token in forged(provider).items():
        answer = call(server, token)
        assert answer.code == 401, wrong
        assert answer.json == {"error": "the token is not valid"}, wrong
        assert "invalid_token" in answer.headers["www-authenticate"]
    assert call(server, provider.token()).code == 200


def test_a_key_that_is_new_is_asked_for_and_one_that_was_taken_back_is_not_believed(
    launch: Start, provider: Provider
) -> None:
    server = serve(launch, provider)
    old = provider.token()
    assert call(server, old).code == 200
    provider.keys = [RSAKey.generate_key(2048, {"kid": "second"})]
    assert call(server, provider.token()).code == 200
    assert call(server, old).code == 401


def test_tokens_with_made_up_keys_do_not_have_the_issuer_asked_each_time(
    launch: Start, provider: Provider
) -> None:
    server = serve(launch, provider, pause="600")
    assert call(server, provider.token()).code == 200
    for number in range(20):
        assert call(server, provider.token(kid=f"made-up-{number}")).code == 401
    assert provider.asked == 1


def test_it_goes_on_with_the_keys_it_has_while_the_issuer_is_away(
    server: Server, provider: Provider
) -> None:
    assert call(server, provider.token()).code == 200
    provider.away = True
    assert call(server, provider.token()).code == 200
    assert call(server, provider.token(kid="other")).code == 401


def test_without_any_keys_it_cannot_tell_and_recovers(server: Server, provider: Provider) -> None:
    provider.away = True
    answer = call(server, provider.token())
    assert answer.code == 503
    assert answer.headers["retry-after"] == "1"
    provider.away = False

    def again() -> None:
        if (code := call(server, provider.token()).code) != 200:
            raise NotYet(f"answered {code}")

    until("it has the keys", again, timeout=10)


def test_an_issuer_that_says_that_it_is_another_is_not_believed(
    server: Server, provider: Provider
) -> None:
    provider.says = "http://elsewhere.example/realms/tfm"
    assert call(server, provider.token()).code == 503


def test_without_settings_it_ends_and_says_what_is_missing(
    run_program: Callable[..., Server], laid_out: Callable[[Function], Path]
) -> None:
    function = functions.find("openid-example")
    server = run_program(python(function, laid_out(function)), OPENID_ISSUER="", OPENID_AUDIENCE="")
    server.wait_for("OPENID_ISSUER and OPENID_AUDIENCE have to be set")
    assert server.process.wait(timeout=10) != 0


@hypothesis_settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.text(st.characters(min_codepoint=33, max_codepoint=126)) | st.lists(
    st.text(st.sampled_from("abcXYZ019-_=")), min_size=3, max_size=5,
).map(".".join))  # fmt: skip
def test_whatever_comes_is_no_token(server: Server, text: str) -> None:
    assert call(server, text).code == 401


@pytest.mark.parametrize(
    ("method", "path", "code"), [("POST", "/", 405), ("GET", "/other", 404), ("PUT", "/x", 404)]
)
def test_other_ways_are_refused(server: Server, method: str, path: str, code: int) -> None:
    answer = ask(server.port, request(method, path))
    assert answer.code == code
    assert answer.headers.get("allow") == ("GET" if code == 405 else None)
