"""Which component it is, where several can be taken for a system."""

from __future__ import annotations

from ..cluster import Provider
from . import _record
from ._declaration import declaration, names


def chosen(provider: Provider, name: str) -> str:
    """The component that a name stands for on this cluster.

    Of those that provide a system, one that is there already counts; then one that is made for this
    kind of cluster, before one that is for all.

    :raises UsageError: neither a component nor a system has that name.
    """
    if name in names() or not _providing(name):
        return declaration(name).name
    there = _record.enabled(provider.connection())
    return min(
        _providing(name),
        key=lambda each: (
            each not in there,
            not declaration(each).is_for(provider.name),
            not declaration(each).clusters,
        ),
    )


def _providing(system: str) -> list[str]:
    """The components that provide a system."""
    return [name for name in names() if system and declaration(name).provides == system]
