"""Passwords and keys, made at random for each cluster, and what is composed of them.

A component's manifest lists a Secret without them, and names them in annotations. They are made
once, under a field manager of their own, so that enabling again keeps them. What another component
has made, one that is needed, can be copied: a pod sees Secrets of its own namespace only.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from secrets import token_urlsafe

from .._exceptions import LabError
from ..cluster import Connection
from ._objects import as_yaml, existing, run_kubectl
from ._rendering import Object

RANDOM = "lab.serverless/random"
"""The annotation: keys that get a random value, separated by commas."""
COMPOSED = "lab.serverless/composed."
"""Annotations that begin so: a text for the key that follows, ``{KEY}`` in it for other keys."""
COPIED = "lab.serverless/copied."
"""Annotations that begin so: `NAMESPACE/SECRET/KEY`, where the key that follows is taken from."""
_BYTES = 24


def fill(connection: Connection, wanted: list[Object]) -> None:
    """Give the Secrets among some objects what they are missing.

    :param wanted: objects; the Secrets are applied already.
    """
    secrets = [each for each in wanted if each["kind"] == "Secret"]
    named = [each for each in secrets if _keys(each) or _composed(each) or _copied(each)]
    found = existing(connection, named)
    known = _values(connection, {source for each in found for source in _copied(each).values()})
    empty = [part for each in found if (part := _missing(each, known))]
    if empty:
        run_kubectl(connection, "apply", "--server-side", "--field-manager=lab-secrets", "-f", "-",
                    stdin=as_yaml(empty))  # fmt: skip


def _keys(secret: Object) -> list[str]:
    said: str = secret["metadata"].get("annotations", {}).get(RANDOM, "")
    return [key.strip() for key in said.split(",") if key.strip()]


def _values(connection: Connection, sources: set[str]) -> dict[str, str]:
    """What stands in other Secrets, by `NAMESPACE/SECRET/KEY`.

    :raises LabError: it does not.
    """
    names = {source.rpartition("/")[0] for source in sources}
    asked = [_secret(*name.split("/")) for name in sorted(names)]
    found = {
        f"{each['metadata']['namespace']}/{each['metadata']['name']}/{key}": b64decode(value)
        for each in existing(connection, asked)
        for key, value in each.get("data", {}).items()
    }
    if missing := sources - set(found):
        raise LabError(f"the cluster has no Secret with {', '.join(sorted(missing))}")
    return {source: found[source].decode() for source in sources}


def _secret(namespace: str, name: str) -> Object:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}


def _missing(secret: Object, others: Mapping[str, str] | None = None) -> Object | None:
    """The Secret with all that is made here, and nothing else; None where nothing is missing.

    :param others: what is copied, by where it stands.
    """
    known = {key: b64decode(value).decode() for key, value in secret.get("data", {}).items()}
    made = {key: known.get(key) or token_urlsafe(_BYTES) for key in _keys(secret)}
    made |= {key: (others or {})[source] for key, source in _copied(secret).items()}
    made |= {key: text.format_map({**known, **made}) for key, text in _composed(secret).items()}
    if made.items() <= known.items():
        return None
    data = {key: b64encode(value.encode()).decode() for key, value in made.items()}
    return {**_secret(secret["metadata"]["namespace"], secret["metadata"]["name"]), "data": data}


def _composed(secret: Object) -> dict[str, str]:
    return _annotated(secret, COMPOSED)


def _copied(secret: Object) -> dict[str, str]:
    return _annotated(secret, COPIED)


def _annotated(secret: Object, prefix: str) -> dict[str, str]:
    """The texts of annotations that begin so, by what follows in their names."""
    said: dict[str, str] = secret["metadata"].get("annotations", {})
    return {key.removeprefix(prefix): text for key, text in said.items() if key.startswith(prefix)}
