"""Chapter 10: one more user, and a page for administrators alone."""

from __future__ import annotations

import json
from secrets import token_urlsafe
from typing import TYPE_CHECKING

import httpx

from .. import _wait, openid
from .._exceptions import CommandError, Hint, WaitTimeout
from ..checks import Exercise
from ..openid import Visitor

if TYPE_CHECKING:
    from .._lab import Lab

NAMESPACE = "members"
REALM, ROLES = "workshop", ("reader", "editor")
USER, ROLE = "otto", "editor"
PAGES = ("index.html", "staff.html")
CHAPTER = "10-sign-users-in-with-keycloak"
ASKED = "http://oauth2-proxy.oauth2-proxy.svc.cluster.local/oauth2/auth"
ASK = "nginx.ingress.kubernetes.io/auth-url"
WANTED = "role:admin"
_WANTED_ANSWERS = {"learner": 403, "admin": 200}


def make_realm(lab: Lab) -> None:
    """The learner's own realm as the chapter has it, without users."""
    name = lab.name(REALM)
    openid.remove_realm(lab, name)
    with openid.administrator(lab) as admin:
        admin.post("realms", json={"realm": name, "enabled": True})
        for role in ROLES:
            admin.post(f"realms/{name}/roles", json={"name": role})


def publish(lab: Lab) -> None:
    """The site in its bucket, under its name, of which Keycloak knows nothing yet."""
    openid.disallow(lab, "oauth2-proxy", lab.url(NAMESPACE, "/oauth2/callback"))
    objects, storage, site = lab.manifests(CHAPTER), lab.storage(), lab.name(NAMESPACE)
    storage.remove_bucket(site)
    storage.s3.make_bucket(site)
    read = {"Effect": "Allow", "Action": ["s3:GetObject"], "Principal": "*",
            "Resource": [f"arn:aws:s3:::{site}/*"]}  # fmt: skip
    storage.s3.set_bucket_policy(site, json.dumps({"Version": "2012-10-17", "Statement": [read]}))
    for name in PAGES:
        storage.s3.fput_object(site, name, f"{objects}/site/{name}", content_type="text/html")
    lab.kubectl("apply", "-k", objects)


def provide(lab: Lab) -> None:
    """All that the chapter has by the time its exercises begin: a realm, and a guarded site."""
    make_realm(lab)
    publish(lab)
    openid.allow(lab, "oauth2-proxy", lab.url(NAMESPACE, "/oauth2/callback"))
    for name in ("door", "staff"):
        lab.kubectl("apply", "-f", lab.manifests(CHAPTER) / f"{name}.yaml")
    sent = lambda: lab.http.get(lab.url(NAMESPACE, "/staff.html")).is_redirect  # noqa: E731
    lab.wait_until("the site to be guarded", sent)


def add_user(lab: Lab, *, role: str = ROLE) -> None:
    """The user, as the exercise asks for it."""
    password = {"type": "password", "value": token_urlsafe(12), "temporary": False}
    person = {"username": USER, "enabled": True, "credentials": [password]}
    with openid.administrator(lab) as admin:
        realm = f"realms/{lab.name(REALM)}"
        made = admin.post(f"{realm}/users", json=person).headers["location"]
        found = admin.get(f"{realm}/roles/{role}").json()
        admin.post(f"{made}/role-mappings/realm", json=[found])


def guard(lab: Lab, query: str) -> None:
    """Have the staff's page asked for with these conditions."""
    lab.kubectl("annotate", "--overwrite", "ingress/staff", "-n", lab.name(NAMESPACE),
                f"{ASK}={ASKED}{query}")  # fmt: skip


def _judge_user(lab: Lab) -> str:
    realm = f"realms/{lab.name(REALM)}"
    with openid.administrator(lab) as admin:
        try:
            found = admin.get(f"{realm}/users", params={"username": USER, "exact": "true"}).json()
        except httpx.HTTPStatusError as missing:
            raise Hint(f"there is no realm {lab.name(REALM)}; run the cells above") from missing
        if not found:
            raise Hint(f"the realm has no user {USER}")
        (person,) = found
        way = f"{realm}/users/{person['id']}"
        roles = {each["name"] for each in admin.get(f"{way}/role-mappings/realm").json()}
        credentials = admin.get(f"{way}/credentials").json()
    if not person["enabled"]:
        raise Hint(f"{USER} is there, and not enabled")
    if not any(each["type"] == "password" for each in credentials):
        raise Hint(f"{USER} has no password yet, and cannot sign in")
    if ROLE not in roles:
        raise Hint(f"{USER} has the roles {', '.join(sorted(roles))}, and not {ROLE}")
    return f"{USER} can sign in, and is {ROLE}"


def _judge_staff(lab: Lab) -> str:
    try:
        ingress = lab.get("ingress", "staff", namespace=lab.name(NAMESPACE))
    except CommandError as missing:
        raise Hint("there is no Ingress staff; apply staff.yaml first") from missing
    asked = ingress["metadata"].get("annotations", {}).get(ASK, "")
    if not asked:
        raise Hint(f"the Ingress asks nobody: it has no annotation {ASK}")
    home = lab.url(NAMESPACE, "/index.html")
    visitors = {who: openid.signed_in(lab, who, home) for who in _WANTED_ANSWERS}
    try:
        _wait.until("the answers", lambda: _answers(lab, visitors), timeout=5, interval=0.3)
    except WaitTimeout as wrong:
        raise Hint(
            f"{wrong.last}; oauth2-proxy is asked {asked.rpartition('/')[2]!r}. It knows the roles "
            "of Keycloak as groups, role:NAME, and its /oauth2/auth takes allowed_groups"
        ) from wrong
    finally:
        for each in visitors.values():
            each.close()
    return "the admin gets the page, the learner does not"


def _answers(lab: Lab, visitors: dict[str, Visitor]) -> None:
    address = lab.url(NAMESPACE, "/staff.html")
    found = {who: visitor.get(address).status_code for who, visitor in visitors.items()}
    if found != _WANTED_ANSWERS:
        raise _wait.NotYet("; ".join(f"{who} gets {code}" for who, code in found.items()))


def _solve_staff(lab: Lab) -> None:
    guard(lab, f"?allowed_groups={WANTED}")


EXERCISES = (
    Exercise("10/user", f"{USER} can sign in as an editor", _judge_user, add_user, NAMESPACE),
    Exercise("10/staff", "the staff's page is for admins alone", _judge_staff, _solve_staff,
             NAMESPACE),
)  # fmt: skip
