"""Signing in, as a browser does it: from page to page, with every step to look at.

Addresses, codes and cookies are shown without their values: they are as good as passwords.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx
from bs4 import BeautifulSoup

from . import _http, components
from ._exceptions import LabError

if TYPE_CHECKING:
    from ._lab import Lab
    from .openfaas.views import Listing

_COMPLAINTS = "#input-error, #input-error-username, #kc-error-message .instruction"
"""Where Keycloak's pages say what is wrong, as selectors of CSS."""
_LONGEST = 12
"""Redirects after which it is a circle."""


@dataclass(frozen=True)
class Hop:
    """One request, and where its answer leads.

    :ivar given: the names of the values in the address.
    :ivar cookies: names of the cookies that the answer sets, with what browsers are told of them.
    """

    method: str
    host: str
    path: str
    given: tuple[str, ...]
    status: int
    cookies: tuple[str, ...]

    @classmethod
    def of(cls, answer: httpx.Response) -> Self:
        """What an answer says of the step."""
        address = answer.request.url
        return cls(
            answer.request.method, address.netloc.decode(), address.path, tuple(address.params),
            answer.status_code, tuple(map(_described, answer.headers.get_list("set-cookie"))),
        )  # fmt: skip


def _described(cookie: str) -> str:
    """A cookie without its value: name, and who gets it back."""
    pair, *said = (part.strip() for part in cookie.split(";"))
    flags = [each for each in said if each.lower().startswith(("httponly", "secure", "samesite"))]
    name, _, value = pair.partition("=")
    return f"{name} ({', '.join(flags)})" if value else f"{name} (removed)"


class Visitor:
    """Somebody before a browser that knows nobody yet.

    :ivar hops: each request since the last call, in order.
    :ivar page: the last answer.
    """

    def __init__(self) -> None:
        self._http = _http.client(timeout=30)
        self.hops: list[Hop] = []
        self.page: httpx.Response | None = None

    def __repr__(self) -> str:
        at = self.page.url.copy_with(query=None) if self.page else "no page"
        return f"a visitor at {at}, who was sent on {max(len(self.hops) - 1, 0)} times"

    def get(
        self, address: str, *, params: Mapping[str, str] | None = None, stop: str = ""
    ) -> httpx.Response:
        """Open a page, and go where one is sent.

        :param stop: an address where nobody answers; it is not opened.
        """
        self.hops = []
        return self._go(self._http.build_request("GET", address, params=params), stop)

    def post(self, address: str) -> httpx.Response:
        """Send nothing to a page, as its button does; and go where one is sent."""
        self.hops = []
        return self._go(self._http.build_request("POST", address), "")

    def fill_in(self, *, stop: str = "", **fields: str) -> httpx.Response:
        """Fill in the form of the page, send it, and go where one is sent.

        :param stop: as for :meth:`get`.
        :raises LabError: there is no form.
        """
        if self.page is None or (form := BeautifulSoup(self.page.text, "html.parser").form) is None:
            seen = f"{self.page.status_code} at {self.page.url.path}" if self.page else ""
            raise LabError(
                "the page has no form", seen=seen, remedy="open the page that asks who you are"
            )
        given = {
            str(each["name"]): str(each.get("value", ""))
            for each in form.find_all("input")
            if each.get("name")
        }
        address = urljoin(str(self.page.url), str(form["action"]))
        self.hops = []
        return self._go(self._http.build_request("POST", address, data=given | fields), stop)

    def _go(self, request: httpx.Request, stop: str) -> httpx.Response:
        for _ in range(_LONGEST):
            answer = self._http.send(request)
            self.hops.append(Hop.of(answer))
            self.page = answer
            following = answer.next_request
            if following is None or (stop and str(following.url).startswith(stop)):
                return answer
            request = following
        raise LabError(f"still sent on after {_LONGEST} pages", remedy="see `.table()`")

    @property
    def title(self) -> str:
        """What the page is called."""
        found = BeautifulSoup(self.page.text, "html.parser").title if self.page else None
        return found.get_text(strip=True) if found else ""

    @property
    def complaint(self) -> str:
        """What Keycloak's page finds wrong; empty where it finds nothing."""
        page = BeautifulSoup(self.page.text if self.page else "", "html.parser")
        texts = (each.get_text(" ", strip=True) for each in page.select(_COMPLAINTS))
        return next(filter(None, texts), "")

    def table(self) -> Listing:
        """The way, to read."""
        from .openfaas.views import Listing

        rows = tuple(
            (f"{each.method} {each.host}", each.path, ", ".join(each.given), str(each.status),
             ", ".join(each.cookies))
            for each in self.hops
        )  # fmt: skip
        return Listing(("request", "path", "with", "answer", "cookies set"), rows)

    def close(self) -> None:
        """Forget everything."""
        self._http.close()


def signed_in(lab: Lab, who: str, address: str) -> Visitor:
    """One of the realm's users, who has opened a protected page and signed in.

    :param who: ``learner`` or ``admin``.
    """
    password = lab.secret("tfm", namespace="keycloak")[f"{who.upper()}_PASSWORD"]
    visitor = Visitor()
    visitor.get(address)
    visitor.fill_in(username=who, password=password)
    return visitor


def given(address: str) -> dict[str, str]:
    """The values in an address, by name."""
    return dict(parse_qsl(urlsplit(address).query))


class _Administrator(httpx.Auth):
    """Keycloak's administrator, who gets a token that lasts a minute, again and again."""

    requires_response_body = True

    def __init__(self, token_endpoint: str, login: Mapping[str, str]) -> None:
        self._asked = {"grant_type": "password", "client_id": "admin-cli", **login}
        self._endpoint = token_endpoint
        self._token = ""

    def auth_flow(self, request: httpx.Request):  # type: ignore[no-untyped-def]
        request.headers["Authorization"] = f"Bearer {self._token}"
        answer = (yield request) if self._token else None
        if answer is None or answer.status_code == httpx.codes.UNAUTHORIZED:
            said = yield httpx.Request("POST", self._endpoint, data=self._asked)
            self._token = said.raise_for_status().json()["access_token"]
            request.headers["Authorization"] = f"Bearer {self._token}"
            yield request


def issuer(lab: Lab, realm: str) -> str:
    """The address of a realm, the same for browsers, pods and notebooks."""
    return _address(lab, f"/realms/{realm}")


def _address(lab: Lab, path: str) -> str:
    # One server for all learners: its name has nobody's prefix.
    return lab.with_port(f"http://keycloak.{lab.connection.domain}", path)


def administrator(lab: Lab) -> httpx.Client:
    """A client of Keycloak's administration, whose paths begin below ``/admin/``.

    A refusal raises ``httpx.HTTPStatusError``.
    """
    login = lab.secret("keycloak-admin", namespace="keycloak")
    client = _http.client(timeout=30)
    client.base_url = httpx.URL(_address(lab, "/admin/"))
    client.auth = _Administrator(
        issuer(lab, "master") + "/protocol/openid-connect/token",
        {key: login[key] for key in ("username", "password")},
    )
    client.event_hooks["response"].append(_refuse)
    return client


def _refuse(answer: httpx.Response) -> None:
    """Say what Keycloak says, too: its reasons are in the body."""
    if answer.is_error and answer.status_code != httpx.codes.UNAUTHORIZED:
        said = answer.read().decode(errors="replace")[:300]
        raise httpx.HTTPStatusError(
            f"{answer.status_code} {said}", request=answer.request, response=answer
        )


def remove_realm(lab: Lab, name: str) -> None:
    """Remove a realm with all that is in it; one that is not there is fine."""
    with administrator(lab) as admin:
        if any(each["realm"] == name for each in admin.get("realms").json()):
            admin.delete(f"realms/{name}")


def allow(lab: Lab, client: str, address: str, *, realm: str = "tfm") -> None:
    """Have Keycloak send people back to one more address of a client."""
    _redirects(lab, client, realm, add={address}, remove=set())


def disallow(lab: Lab, client: str, address: str, *, realm: str = "tfm") -> None:
    """Have Keycloak send nobody to this address any more."""
    _redirects(lab, client, realm, add=set(), remove={address})


def _redirects(lab: Lab, client: str, realm: str, *, add: set[str], remove: set[str]) -> None:
    # Keycloak takes the whole list: two learners must not each write one without the other's.
    with components.changing("keycloak"), administrator(lab) as admin:
        (found,) = admin.get(f"realms/{realm}/clients", params={"clientId": client}).json()
        wanted = sorted((set(found["redirectUris"]) | add) - remove)
        admin.put(f"realms/{realm}/clients/{found['id']}", json={**found, "redirectUris": wanted})
