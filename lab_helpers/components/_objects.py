"""What of a component is on a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import _yaml
from .._kubectl import kubectl
from .._reader import reader
from ..cluster import Connection
from ._rendering import LABEL, Object


def existing(connection: Connection, wanted: list[Object]) -> list[Object]:
    """Those of the objects that are on the cluster; kinds it does not know are not."""
    found = (_find(connection, each) for each in wanted)
    return [each for each in found if each]


def _find(connection: Connection, wanted: Object) -> Object | None:
    group, _, version = wanted["apiVersion"].rpartition("/")
    kind = ".".join(filter(None, (wanted["kind"], group and version, group)))
    _, _, namespace, name = identity(wanted)
    return reader(connection).find(kind, name, namespace=namespace)


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
    return get(connection, kinds, f"{LABEL}={name}")


def get(connection: Connection, kinds: str, selector: str = "") -> list[Object]:
    """The objects of these kinds in every namespace."""
    items: list[Object] = reader(connection).get(kinds, selector=selector)["items"]
    return items


def as_yaml(wanted: Sequence[Object]) -> str:
    """Objects as kubectl reads them."""
    return _yaml.dump_all(wanted)


def run_kubectl(connection: Connection, *arguments: Any, stdin: str | None = None) -> str:
    """Run kubectl on a cluster, and return what it printed.

    :raises CommandError: it failed; carries what it said.
    """
    return kubectl(connection.kubectl, connection.kubeconfig, *arguments, stdin=stdin)
