"""The node's API, asked directly: cheap enough to ask again and again while it starts."""

from __future__ import annotations

import ssl
from base64 import b64decode
from functools import cache
from tempfile import NamedTemporaryFile
from typing import Any

import httpx

from ... import _wait, _yaml
from .node import Node

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
    """A client with what the kubeconfig holds: the caller may read that, the node's keys not."""
    config = _yaml.load(node.kubeconfig.read_text())
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    authority = b64decode(cluster["certificate-authority-data"]).decode()
    trust = ssl.create_default_context(cadata=authority)
    # Python's ssl reads a client's certificate from a file only.
    with NamedTemporaryFile() as pair:
        pair.write(b64decode(user["client-certificate-data"]))
        pair.write(b64decode(user["client-key-data"]))
        pair.flush()
        trust.load_cert_chain(pair.name)
    return httpx.Client(base_url=cluster["server"], verify=trust, timeout=_SECONDS, trust_env=False)
