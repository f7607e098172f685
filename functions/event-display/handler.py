"""Shows the CloudEvents that it was sent.

POST /              takes an event: 202, and nothing in the body, which would be an event in reply
GET /               which events came, and when; ?after=NUMBER for the newer ones
GET /NUMBER/data    the data of one, byte for byte
DELETE /            forgets them
"""

import asyncio
import os
import re

from .memory import Memory
from .reading import Broken, read

MEMORY = Memory(most=int(os.environ.get("MAX_EVENTS", "20000")), room=32 * 1024 * 1024)
REFUSED = set(filter(None, os.environ.get("REFUSE_TYPES", "").split(",")))
"""Types of events that it fails on, each time."""
DELAY = float(os.environ.get("DELAY_SECONDS", "0"))
"""How long it takes over each event."""


async def handle(event, context):
    if re.fullmatch(r"/[0-9]{1,15}/data", event.path):
        answers = {"GET": data}
    elif event.path == "/":
        answers = {"GET": show, "POST": take, "DELETE": forget}
    else:
        return error(404, "Not Found")
    if event.method not in answers:
        return error(405, "Method Not Allowed", Allow=", ".join(answers))
    answer = answers[event.method](event)
    return await answer if asyncio.iscoroutine(answer) else answer


async def take(event):
    try:
        came = read(event.headers, event.body)
    except Broken as wrong:
        print(f"refused what is no CloudEvent: {str(wrong)!r}")
        return error(400, str(wrong))
    refused = came.attributes["type"] in REFUSED
    await asyncio.sleep(DELAY)
    MEMORY.keep(came, refused=refused)
    kind, source, name = (came.attributes[each] for each in ("type", "source", "id"))
    done = "refused" if refused else "received"
    print(f"{done} type {kind!r}, source {source!r}, id {name!r}, {len(came.data)} bytes")
    if refused:
        return error(503, f"it was told to fail on events of the type {kind}")
    return {"statusCode": 202}


def show(event):
    after = event.query.get("after", "0")
    if not re.fullmatch(r"[0-9]{1,15}", after):
        return error(400, "after is the number of an event")
    events = [each.as_json() for each in MEMORY.after(int(after))]
    return {"body": {"last": MEMORY.last, "forgotten": MEMORY.forgotten, "events": events}}


def data(event):
    found = MEMORY.data(int(event.path.split("/")[1]))
    if found is None:
        return error(404, "there is no such event, or it was forgotten")
    kind = found.attributes.get("datacontenttype", "")
    if not re.fullmatch(r"[!-~ ]+", kind):
        kind = "application/octet-stream"
    # Whoever sent it named the type: a browser must not run it.
    headers = {"Content-Type": kind, "X-Content-Type-Options": "nosniff",
               "Content-Security-Policy": "sandbox"}  # fmt: skip
    return {"body": found.data, "headers": headers}


def forget(event):
    MEMORY.forget()
    return {"body": {"last": MEMORY.last}}


def error(code, reason, **headers):
    return {"statusCode": code, "body": {"error": reason}, "headers": headers}
