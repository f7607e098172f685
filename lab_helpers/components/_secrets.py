"""Passwords and keys, made at random for each cluster, and what is composed of them.

A component's manifest lists a Secret without them, and names them in annotations. They are made
once, under a field manager of their own, so that enabling again keeps them.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from secrets import token_urlsafe

from ..cluster import Connection
from ._objects import as_yaml, existing, run_kubectl
from ._rendering import Object

RANDOM = "lab.serverless/random"
"""The annotation: keys that get a random value, separated by commas."""
COMPOSED = "lab.serverless/composed."
"""Annotations that begin so: a text for the key that follows, ``{KEY}`` in it for other keys."""
_BYTES = 24


def fill(connection: Connection, wanted: list[Object]) -> None:
    """Give the Secrets among some objects what they are missing.

    :param wanted: objects; the Secrets are applied already.
    """
    secrets = [each for each in wanted if each["kind"] == "Secret"]
    named = [each for each in secrets if _keys(each) or _composed(each)]
    empty = [part for each in existing(connection, named) if (part := _missing(each))]
    if empty:
        run_kubectl(connection, "apply", "--server-side", "--field-manager=lab-secrets", "-f", "-",
                    stdin=as_yaml(empty))  # fmt: skip


def _keys(secret: Object) -> list[str]:
    said: str = secret["metadata"].get("annotations", {}).get(RANDOM, "")
    return [key.strip() for key in said.split(",") if key.strip()]


def _missing(secret: Object) -> Object | None:
    """The Secret with all that is made here, and nothing else; None where nothing is missing."""
    known = {key: b64decode(value).decode() for key, value in secret.get("data", {}).items()}
    made = {key: known.get(key) or token_urlsafe(_BYTES) for key in _keys(secret)}
    made |= {key: text.format_map({**known, **made}) for key, text in _composed(secret).items()}
    if made.items() <= known.items():
        return None
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {key: secret["metadata"][key] for key in ("name", "namespace")},
        "data": {key: b64encode(value.encode()).decode() for key, value in made.items()},
    }


def _composed(secret: Object) -> dict[str, str]:
    said: dict[str, str] = secret["metadata"].get("annotations", {})
    return {
        key.removeprefix(COMPOSED): text for key, text in said.items() if key.startswith(COMPOSED)
    }
