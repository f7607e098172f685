"""Passwords and keys, made at random for each cluster.

A component's manifest lists a Secret without them, and names them in an annotation. They are made
once, under a field manager of their own, so that enabling again keeps them.
"""

from __future__ import annotations

from base64 import b64encode
from secrets import token_urlsafe

from ..cluster import Connection
from ._objects import as_yaml, existing, run_kubectl
from ._rendering import Object

RANDOM = "lab.serverless/random"
"""The annotation: keys that get a random value, separated by commas."""
_BYTES = 24


def fill(connection: Connection, wanted: list[Object]) -> None:
    """Give the Secrets among some objects what they are missing.

    :param wanted: objects; the Secrets are applied already.
    """
    named = [each for each in wanted if each["kind"] == "Secret" and _keys(each)]
    empty = [part for each in existing(connection, named) if (part := _missing(each))]
    if empty:
        run_kubectl(connection, "apply", "--server-side", "--field-manager=lab-secrets", "-f", "-",
                    stdin=as_yaml(empty))  # fmt: skip


def _keys(secret: Object) -> list[str]:
    said: str = secret["metadata"].get("annotations", {}).get(RANDOM, "")
    return [key.strip() for key in said.split(",") if key.strip()]


def _missing(secret: Object) -> Object | None:
    """The Secret with values for the keys that have none, and nothing else."""
    keys = [key for key in _keys(secret) if not secret.get("data", {}).get(key)]
    if not keys:
        return None
    names = {key: secret["metadata"][key] for key in ("name", "namespace")}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": names,
        "data": {key: b64encode(token_urlsafe(_BYTES).encode()).decode() for key in keys},
    }
