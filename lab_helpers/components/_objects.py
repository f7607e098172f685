"""What of a component is on a cluster."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import yaml

from .._kubectl import kubectl
from ..cluster import Connection
from ._rendering import LABEL, Object


def existing(connection: Connection, wanted: list[Object]) -> list[Object]:
    """Those of the objects that are on the cluster; kinds it does not know are not."""
    known = _kinds(connection)
    asked = [each for each in wanted if _group_kind(each) in known]
    if not asked:
        return []
    listed = run_kubectl(connection, "get", "-f", "-", "--ignore-not-found", "-o", "json",
                      stdin=as_yaml(asked))  # fmt: skip
    return _items(listed)


def _kinds(connection: Connection) -> set[tuple[str, str]]:
    """Group and kind of everything that the cluster knows."""
    lines = run_kubectl(connection, "api-resources", "--no-headers").splitlines()
    rows = [line.split() for line in lines]
    return {(row[-3].rpartition("/")[0], row[-1]) for row in rows}


def _group_kind(each: Object) -> tuple[str, str]:
    return each["apiVersion"].rpartition("/")[0], each["kind"]


def identity(each: Object) -> tuple[str, str, str, str]:
    """What tells an object from all others: group, kind, namespace and name."""
    group, kind = _group_kind(each)
    return group, kind, each["metadata"].get("namespace", ""), each["metadata"]["name"]


def label(each: Object) -> str:
    """The component that an object belongs to; empty where it is somebody else's."""
    component: str = each["metadata"].get("labels", {}).get(LABEL, "")
    return component


def labelled(connection: Connection, name: str, kinds: str) -> list[Object]:
    """The objects of these kinds that belong to a component."""
    return get(connection, kinds, "--selector", f"{LABEL}={name}")


def get(connection: Connection, kinds: str, *selected: str) -> list[Object]:
    """The objects of these kinds in every namespace."""
    return _items(
        run_kubectl(connection, "get", kinds, "--all-namespaces", *selected, "--ignore-not-found",
                 "-o", "json")
    )  # fmt: skip


def _items(listed: str) -> list[Object]:
    """The objects of kubectl's JSON: nothing, one object, or a list."""
    if not listed.strip():
        return []
    found: dict[str, Any] = json.loads(listed)
    items: list[Object] = found["items"] if found["kind"] == "List" else [found]
    return items


def as_yaml(wanted: Sequence[Object]) -> str:
    """Objects as kubectl reads them."""
    return yaml.dump_all(wanted, Dumper=yaml.CSafeDumper)


def run_kubectl(connection: Connection, *arguments: Any, stdin: str | None = None) -> str:
    """Run kubectl on a cluster, and return what it printed.

    :raises CommandError: it failed; carries what it said.
    """
    return kubectl(connection.kubectl, connection.kubeconfig, *arguments, stdin=stdin)
