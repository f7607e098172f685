"""Where clusters come from."""

from __future__ import annotations

from ._provider import Connection, Provider, Status

__all__ = ["Connection", "Provider", "Status", "provider"]


def provider(name: str = "embedded") -> Provider:
    """The provider of that name.

    :raises UsageError: there is none.
    """
    from .._exceptions import UsageError
    from .embedded.provider import EmbeddedProvider

    if name != "embedded":
        raise UsageError(f"no provider {name!r}", remedy="--cluster embedded")
    return EmbeddedProvider()
