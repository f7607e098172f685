"""The connection to NATS: one for all calls, made with the first one."""

import asyncio
import os
import re
from pathlib import Path

import nats
from nats.errors import Error, MaxPayloadError
from nats.js.errors import APIError, NoStreamResponseError

PATIENCE = 3.0
"""Seconds within which the server has to answer."""
_WORD = re.compile(r"[^\s.*>\x00-\x1f\x7f]+")


class Away(Exception):
    """The server does not answer, or does not let this function in."""


class Refused(Exception):
    """The server takes no such message; says why."""


def unusable(subject):
    """Why nobody can publish on this subject; empty if one can."""
    if not all(_WORD.fullmatch(word) for word in subject.split(".")):
        return f"{subject!r} is no subject to publish on"
    if subject.startswith(("$", "_INBOX", "dead.", "handed-on.")):
        return f"the subject {subject!r} is none for functions"
    return ""


class Broker:
    """The server, with one user's rights.

    :param subject: the usual one.
    """

    def __init__(self, address, user, password, subject):
        self.subject = subject
        self._options = {"servers": address, "user": user, "password": password}
        self._client = None
        self._turn = asyncio.Lock()

    @classmethod
    def from_environment(cls):
        """With the password that is among the function's secrets."""
        folder = Path(os.environ.get("SECRETS_FOLDER", "/var/openfaas/secrets"))
        said = [os.environ[f"NATS_{name}"] for name in ("URL", "USER", "SUBJECT")]
        return cls(said[0], said[1], (folder / "nats-password").read_text().strip(), said[2])

    async def publish(self, subject, body):
        """Hand a message to the server. Who is subscribed gets it; nobody keeps it."""
        client = await self._connected()
        try:
            await client.publish(subject, body)
            # The server has it when it answers. nats-py's first question may overtake what it is to
            # follow, and is answered too early; the second one comes after it.
            for _ in range(2):
                await client.flush(PATIENCE)
        except MaxPayloadError as large:
            raise Refused("the message is larger than NATS takes") from large
        except (Error, OSError, TimeoutError) as failed:
            raise Away(repr(failed)) from failed
        return {"stored": False}

    async def store(self, subject, body):
        """Hand a message to the server, which says where it has kept it."""
        client = await self._connected()
        try:
            kept = await client.jetstream().publish(subject, body, PATIENCE)
        except NoStreamResponseError as nobody:
            raise Refused(f"nothing keeps the messages on {subject!r}") from nobody
        except MaxPayloadError as large:
            raise Refused("the message is larger than NATS takes") from large
        except APIError as refused:
            raise Away(refused.description) from refused
        except (Error, OSError, TimeoutError) as failed:
            raise Away(repr(failed)) from failed
        return {"stored": True, "stream": kept.stream, "number": kept.seq}

    async def _connected(self):
        async with self._turn:
            if self._client is None:
                try:
                    self._client = await nats.connect(
                        **self._options, name="nats-publish", connect_timeout=PATIENCE,
                        allow_reconnect=True, max_reconnect_attempts=-1, reconnect_time_wait=0.5,
                        pending_size=0, error_cb=told, disconnected_cb=told, reconnected_cb=told,
                    )  # fmt: skip
                except (Error, OSError, TimeoutError) as failed:
                    raise Away(repr(failed)) from failed
        if not self._client.is_connected:
            raise Away("the connection is lost, and is being made anew")
        return self._client


async def told(failed=None):
    """What the connection says of itself."""
    print(f"NATS: {failed!r}" if failed else "NATS: the connection has changed")
