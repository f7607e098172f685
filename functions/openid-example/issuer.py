"""An OpenID provider as those who trust it see it: its keys, and what they say of a token."""

import json
import os
import sys
import threading
import time
import urllib.error
import urllib.request

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

ALGORITHMS = ["RS256", "PS256", "ES256"]
"""With a key pair only: with the others whoever can verify could sign, or nobody needs to."""
DISCOVERY = "/.well-known/openid-configuration"
LEEWAY = 5
"""Seconds by which clocks may differ."""
LIFETIME = 600
"""Seconds for which keys are used without asking again."""
PAUSE = float(os.environ.get("OPENID_PAUSE", "10"))
"""Seconds between two questions, however many tokens name keys that are not known."""
RETRY = 1
"""The same while there are no keys at all."""
TIMEOUT = 3


class Away(Exception):
    """The issuer does not answer, or with something else than its keys."""


class Issuer:
    """Whose tokens count, and for whom they must be meant.

    :param url: the issuer, exactly as it stands in tokens.
    :param audience: who must be among those that a token is for.
    """

    def __init__(self, url, audience):
        if not url or not audience:
            raise ValueError("OPENID_ISSUER and OPENID_AUDIENCE have to be set")
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"OPENID_ISSUER is no address: {url}")
        self.url = url
        self._rules = jwt.JWTClaimsRegistry(
            leeway=LEEWAY,
            iss={"essential": True, "value": url},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
        )
        self._lock = threading.Lock()
        self._keys = None
        self._asked = self._got = float("-inf")

    def claims(self, token):
        """What a token says.

        :raises JoseError: or ValueError; nobody who is trusted says it, or not now, or to others.
        :raises Away: it cannot be told, as there are no keys.
        """
        # What cannot be a token asks for no keys.
        named = jws.extract_compact(token.encode()).headers().get("kid")
        found = jwt.decode(token, self._key(named), algorithms=ALGORITHMS)
        self._rules.validate(found.claims)
        return found.claims

    def _key(self, name):
        """The issuer's key of that name, which it may have begun to use a moment ago."""
        with self._lock:
            known = self._find(name)
            if known is None or time.monotonic() - self._got > LIFETIME:
                self._ask()
                known = self._find(name)
            if known is None and self._keys is None:
                raise Away(f"{self.url}: no keys yet")
        if known is None:
            raise JoseError("the issuer has no such key")
        return known

    def _find(self, name):
        keys = self._keys.keys if self._keys else []
        return next((key for key in keys if name and key.kid == name), None)

    def _ask(self):
        """Take the keys that the issuer has now. Old ones hold while it cannot say otherwise."""
        now = time.monotonic()
        if now - self._asked < (PAUSE if self._keys else RETRY):
            return
        self._asked = now
        try:
            self._keys = self._fetch()
            self._got = now
        except Away as wrong:
            print(f"no keys: {wrong}", file=sys.stderr)

    def _fetch(self):
        said = get(self.url + DISCOVERY)
        if said.get("issuer") != self.url:
            raise Away(f"{self.url} says that it is {said.get('issuer')}")
        try:
            return KeySet.import_key_set(get(said["jwks_uri"]))
        except (JoseError, KeyError, ValueError) as wrong:
            raise Away(f"{self.url}: no keys that can be used: {wrong}") from wrong


def get(url):
    """The JSON at an address; the issuer says it, which was told."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:  # noqa: S310
            return json.load(answer)
    except (OSError, ValueError, urllib.error.URLError) as wrong:
        raise Away(f"{url}: {wrong}") from wrong
