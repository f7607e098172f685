"""The node's API, asked directly: cheap enough to ask again and again while it starts."""

from __future__ import annotations

import ssl
from functools import cache
from typing import Any

import httpx

from ... import _wait
from .node import API_PORT, Node

_SECONDS = 5


def get(node: Node, path: str) -> httpx.Response:
    """Read a path of the API as the cluster's administrator.

    :raises NotYet: it does not answer, or refuses.
    """
    try:
        answer = _client(node).get(path)
    except httpx.HTTPError as refused:
        raise _wait.NotYet(f"the API does not answer: {refused}") from refused
    if answer.is_error:
        raise _wait.NotYet(f"the API answers {answer.status_code}: {answer.text[:300]}")
    return answer


def items(node: Node, path: str) -> list[dict[str, Any]]:
    """The objects of a list.

    :raises NotYet: the API does not answer.
    """
    found: list[dict[str, Any]] = get(node, path).json()["items"]
    return found


@cache
def _client(node: Node) -> httpx.Client:
    pki = node.folder / "pki"
    trust = ssl.create_default_context(cafile=str(pki / "ca.crt"))
    trust.load_cert_chain(pki / "admin.crt", pki / "admin.key")
    base = f"https://{node.address}:{API_PORT}"
    return httpx.Client(base_url=base, verify=trust, timeout=_SECONDS, trust_env=False)
