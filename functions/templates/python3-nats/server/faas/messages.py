"""Messages from NATS, which a connector hands on as the bodies of requests."""

from __future__ import annotations

from .events import Event


class MessageEvent(Event):
    """A message.

    :ivar body: its bytes as they were sent. Nothing is made of them, whatever the Content-Type
        of the request: a sender on NATS states none, so the header says nothing about them.
    """

    @property
    def text(self) -> str:
        """The body as UTF-8, with U+FFFD for every byte that is none."""
        return self.body.decode(errors="replace")
