"""Definitions for a while: so that a cluster judges objects of kinds that it does not have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .. import _wait, builds
from .._reader import Object
from ..cluster import Connection, Provider
from . import _parts, _record, _rendering
from ._declaration import declaration
from ._install import apply, wait_until_established
from ._objects import as_yaml, existing, get, identity, run_kubectl


@contextmanager
def definitions(provider: Provider, name: str) -> Iterator[None]:
    """Put a component's custom resource definitions on the cluster, and nothing else of it.

    Afterwards those that were not there before are removed. So a manifest can be tried with
    ``kubectl apply --dry-run=server`` where the component itself cannot run.

    :raises UsageError: there is no such component.
    """
    component, connection = declaration(name), provider.connection()
    builds.ensure(_parts.artifacts(component, upstream=True))
    with _record.changing(name):
        brought = [
            each
            for each in _rendering.objects(component, connection)
            if each["kind"] == "CustomResourceDefinition"
        ]
        there = {identity(each) for each in existing(connection, brought)}
        missing = [each for each in brought if identity(each) not in there]
        try:
            apply(connection, missing)
            wait_until_established(connection, missing)
            yield
        finally:
            if missing:
                _remove(connection, name, missing)


def _remove(connection: Connection, name: str, definitions: list[Object]) -> None:
    """Remove definitions and wait until they are gone, by asking.

    kubectl, which watches for it, was seen to wait for two minutes for definitions that had come a
    moment before.
    """
    run_kubectl(connection, "delete", "--ignore-not-found", "--wait=false", "-f", "-",
                stdin=as_yaml(definitions))  # fmt: skip
    removed = {each["metadata"]["uid"] for each in existing(connection, definitions)}

    def probe() -> None:
        there = get(connection, "customresourcedefinitions")
        left = [o["metadata"]["name"] for o in there if o["metadata"]["uid"] in removed]
        if left:
            raise _wait.NotYet(f"still there: {', '.join(left)}")

    _wait.until(f"the definitions of {name} to go", probe, timeout=240, interval=0.3)
