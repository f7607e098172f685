"""Kubernetes' API, as far as a connector may use it: its ServiceAccount says how far."""

from __future__ import annotations

import os
from pathlib import Path

import httpx

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


def address() -> str:
    """Where the API is; empty outside of a cluster."""
    host = os.environ.get("KUBERNETES_SERVICE_HOST", "")
    return f"https://{host}:{os.environ.get('KUBERNETES_SERVICE_PORT', '443')}" if host else ""


def client() -> httpx.AsyncClient:
    """A client for a few requests: the token is replaced while the pod runs.

    :raises OSError: the pod has no token.
    """
    token = (_ACCOUNT / "token").read_text()
    return httpx.AsyncClient(
        base_url=address(), verify=str(_ACCOUNT / "ca.crt"), timeout=5, trust_env=False,
        headers={"Authorization": f"Bearer {token}"},
    )  # fmt: skip


def namespace() -> str:
    """The pod's own."""
    return (_ACCOUNT / "namespace").read_text().strip()
