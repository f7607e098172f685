"""A CloudEvent of a request: read with the library, and refused where it is broken.

The library alone is kind: it makes up an `id`, a `specversion` or a `time` that is not there. Then
nobody could tell a new event from one that comes again, nor what its sender said.
"""

import base64
import binascii
import json
from collections import Counter
from datetime import datetime
from typing import NamedTuple

from cloudevents.core.bindings.http import HTTPMessage, from_binary, from_structured
from cloudevents.core.exceptions import BaseCloudEventException
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

STRUCTURED = "application/cloudevents"
REQUIRED = ("specversion", "id", "source", "type")


class Broken(Exception):
    """What came is no CloudEvent; the text says why."""


class Read(NamedTuple):
    """An event as it came.

    :ivar mode: ``binary``, attributes in headers, or ``structured``, all of it in the body.
    :ivar attributes: as texts.
    :ivar data: its bytes.
    """

    mode: str
    attributes: dict[str, str]
    data: bytes


class Unchanged(JSONFormat):
    """The library's format, which leaves the data of a binary event alone."""

    def read_data(self, body, datacontenttype):  # noqa: ARG002 - the library calls it by name
        return body


def read(headers, body: bytes) -> Read:
    """The event of a request.

    :param headers: a mapping with ``getlist``, which does not tell upper case from lower.
    :raises Broken: it is none.
    """
    kind = headers.get("content-type", "").lower().partition(";")[0].strip()
    structured = kind.startswith(STRUCTURED)
    try:
        event = _structured(kind, body) if structured else _binary(headers, body)
        attributes = {name: _text(name, value) for name, value in event.get_attributes().items()}
        data = _bytes(event.get_data())
    except Broken:
        raise
    except BaseCloudEventException as wrong:
        raise Broken(_reason(wrong)) from wrong
    except (ValueError, TypeError, OverflowError) as wrong:
        raise Broken(f"it cannot be read: {wrong}") from wrong
    return Read("structured" if structured else "binary", attributes, data)


def _binary(headers, body):
    names = Counter(name for name, _ in headers.items() if name.startswith("ce-"))
    if not names:
        raise Broken("it has neither headers that begin with ce- nor the type of a whole event")
    if twice := [name for name, times in names.items() if times > 1]:
        raise Broken(f"the header {twice[0]} is there more than once")
    return from_binary(HTTPMessage(dict(headers.items()), body), Unchanged(), _strict)


def _structured(kind, body):
    if kind != JSONFormat.CONTENT_TYPE:
        raise Broken(f"{kind} is not taken, only single events as {JSONFormat.CONTENT_TYPE}")
    try:
        said = json.loads(body)
    except RecursionError:
        raise Broken("it is nested too deeply") from None
    if not isinstance(said, dict):
        raise Broken("the body is JSON, but no object")
    if "data_base64" in said:
        _check_base64(said["data_base64"])
    return from_structured(HTTPMessage({}, body), JSONFormat(), _strict)


def _check_base64(said):
    """The library skips over what is no base64, and so would change the data."""
    try:
        base64.b64decode(said, validate=True)
    except (binascii.Error, TypeError, ValueError) as wrong:
        raise Broken(f"data_base64 is no base64: {wrong}") from wrong


def _strict(attributes, data):
    """What the library makes an event with, once all that it must have is there."""
    if missing := [name for name in REQUIRED if not attributes.get(name)]:
        raise Broken(f"{', '.join(missing)} missing, or empty")
    timed = "time" in attributes
    event = CloudEvent(attributes, data)
    if not timed:
        del event.get_attributes()["time"]
    return event


def _text(name, value):
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | str):
        return str(value)
    raise Broken(f"the attribute {name} is no text, number or truth value")


def _bytes(data):
    if data is None:
        return b""
    if isinstance(data, bytes):
        return data
    # What came as JSON within JSON has no bytes of its own.
    return data.encode() if isinstance(data, str) else json.dumps(data).encode()


def _reason(wrong):
    """The library's errors, without its preface."""
    said = getattr(wrong, "errors", {})
    reasons = [str(each) for errors in said.values() for each in errors]
    return "; ".join(dict.fromkeys(reasons)) or str(wrong)
