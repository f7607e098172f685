"""What a cluster must have and what it lacks: looked at before the course uses it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from .. import _http, _progress
from .._exceptions import CommandError, LabError, tail
from .._kubectl import kubectl
from . import _skew
from ._provider import Connection

OLDEST = 32
"""The oldest minor version of Kubernetes 1 that is taken: on older ones Knative ends at once."""
_RIGHTS = (
    "namespaces",
    "customresourcedefinitions.apiextensions.k8s.io",
    "clusterroles.rbac.authorization.k8s.io",
)
_DEFAULTS = {
    "StorageClass": (
        "storageclass.kubernetes.io/is-default-class",
        "databases and file stores will wait for their volumes",
    ),
    "IngressClass": (
        "ingressclass.kubernetes.io/is-default-class",
        "pages are served by an ingress controller",
    ),
}


def examine(kubeconfig: Path) -> str:
    """The server's version, once it is known that it can be used.

    :raises LabError: it does not answer, is too old, or does not let this user do enough.
    """
    program = _skew.any_kubectl()
    with _progress.step("ask the API whether it is ready"):
        version = json.loads(_ask(program, kubeconfig, "/version"))
        _ask(program, kubeconfig, "/readyz")
    server = str(version["gitVersion"])
    if _skew.minor(server) < OLDEST:
        raise LabError(
            f"the cluster runs Kubernetes {server}, which is too old",
            seen=f"Knative, which the course installs, runs on 1.{OLDEST} and newer",
            remedy="upgrade it, or run the course on its own cluster: ./lab up",
        )
    for what in _RIGHTS:
        _may_create(program, kubeconfig, what)
    return server


def _ask(program: Path, kubeconfig: Path, path: str) -> str:
    try:
        return kubectl(
            program, kubeconfig, "get", "--raw", path, "--request-timeout=15s", timeout=60
        )
    except CommandError as refused:
        raise LabError(
            f"the cluster's API does not answer {path}",
            seen=tail(refused.output) or "nothing came back in time",
            remedy="look whether your own kubectl reaches it: is the cluster started, and is its "
            "entry in the kubeconfig up to date?",
        ) from refused


def _may_create(program: Path, kubeconfig: Path, what: str) -> None:
    try:
        kubectl(program, kubeconfig, "auth", "can-i", "create", what, timeout=30)
    except CommandError as refused:
        raise LabError(
            f"this user may not create {what} on the cluster",
            seen=tail(refused.output),
            remedy="use a context whose user is an administrator of the cluster",
        ) from refused


def lacks(kubeconfig: Path, program: Path) -> Iterator[str]:
    """What chapters use and the cluster does not have, in words."""
    for kind, (annotation, why) in _DEFAULTS.items():
        items = json.loads(kubectl(program, kubeconfig, "get", kind, "--output=json"))["items"]
        if not items:
            yield f"any {kind} ({why})"
        elif not any(_is_marked(each, annotation) for each in items):
            names = ", ".join(each["metadata"]["name"] for each in items)
            yield f"a default {kind} ({why}); there are {names}"


def _is_marked(each: dict[str, Any], annotation: str) -> bool:
    annotations: dict[str, str] = each["metadata"].get("annotations", {})
    return annotations.get(annotation) == "true"


def no_answer(connection: Connection) -> Iterator[str]:
    """Says so where nothing at all answers under the address of pages."""
    address = f"http://NAME.{connection.domain}:{connection.ingress_port}"
    with _http.client(timeout=5) as client:
        try:
            client.get(address.replace("NAME", "lab"))
        except httpx.HTTPError as refused:
            yield f"an answer at {address} ({refused}); --domain HOST[:PORT] says another address"
