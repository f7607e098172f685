"""Says who calls: what is in the token of the call, if an issuer that is trusted has signed it."""

import os
import sys

from joserfc.errors import JoseError

from .issuer import Away, Issuer

FORWARDED = "x-forwarded-access-token"
"""What oauth2-proxy adds, which has taken the caller's cookie for it."""

trusted = Issuer(os.environ.get("OPENID_ISSUER", ""), os.environ.get("OPENID_AUDIENCE", ""))


def handle(event, context):
    if event.path != "/":
        return error(404, "Not Found")
    if event.method != "GET":
        return error(405, "Method Not Allowed", Allow="GET")
    token = bearer(event.headers)
    if not token:
        return refused("a token is needed: Authorization: Bearer TOKEN", challenge="Bearer")
    try:
        return {"statusCode": 200, "body": trusted.claims(token)}
    except (JoseError, ValueError) as wrong:
        print(f"refused: {type(wrong).__name__}: {wrong}", file=sys.stderr)
        return refused("the token is not valid")
    except Away as wrong:
        print(f"{wrong}", file=sys.stderr)
        return error(503, "the issuer's keys cannot be had", **{"Retry-After": "1"})


def bearer(headers):
    """The token of a call, from the caller or from the proxy that stands for it."""
    scheme, _, token = (headers.get("authorization") or "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    return (headers.get(FORWARDED) or "").strip()


def refused(reason, challenge='Bearer error="invalid_token"'):
    return error(401, reason, **{"WWW-Authenticate": challenge})


def error(code, reason, **headers):
    return {"statusCode": code, "body": {"error": reason}, "headers": headers}
