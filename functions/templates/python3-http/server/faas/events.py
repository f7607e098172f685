"""What a handler is given."""

from __future__ import annotations

from dataclasses import dataclass
from socket import gethostname
from typing import Self

from starlette.datastructures import Headers, QueryParams

from .graceful import Message, Receive, whole
from .settings import Settings


@dataclass
class Event:
    """A request.

    :ivar body: its bytes as they came, whatever the content type.
    :ivar headers: a mapping that does not tell upper case from lower.
    :ivar method: as ``POST``.
    :ivar query: a mapping of the parameters in the address.
    :ivar path: what follows the function's name in the address, ``/`` at least.
    """

    body: bytes
    headers: Headers
    method: str
    query: QueryParams
    path: str

    @classmethod
    async def read(cls, scope: Message, receive: Receive, settings: Settings) -> Self:
        """The event of a request, whose body is read here.

        :raises Refused: the body is too long.
        """
        return cls(body=await whole(scope, receive, settings.body), **parts(scope))

    def close(self) -> None:
        """Let go of what it holds, once it is answered."""


def parts(scope: Message) -> dict:
    """What an event has besides its body."""
    return {
        "headers": Headers(scope=scope),
        "method": scope["method"],
        "query": QueryParams(scope["query_string"]),
        "path": scope["path"] or "/",
    }


@dataclass(frozen=True)
class Context:
    """Where the handler runs.

    :ivar hostname: the pod's name.
    """

    hostname: str = gethostname()
