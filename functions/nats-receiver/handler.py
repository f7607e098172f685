"""Takes messages, prints them, and says which ones were the last."""

import time
from collections import Counter, deque

LAST = 50
"""Messages that are remembered, by this pod and as long as it lives."""
LONG = 300
"""Characters of a message that are printed and shown."""

seen = Counter()
last = deque(maxlen=LAST)


def handle(event, context):
    if event.path != "/":
        return error(404, "Not Found")
    if event.method == "POST":
        return take(event)
    if event.method == "GET":
        return {"body": {"count": seen.total(), "topics": dict(seen), "last": list(last)}}
    return error(405, "Method Not Allowed", Allow="GET, POST")


def take(event):
    """Whoever hands a message on says in headers what it was published on, and which one it is."""
    topic = event.headers.get("x-topic", "")
    seen[topic] += 1
    last.append(
        {
            "text": shown(event.text),
            "bytes": len(event.body),
            "topic": topic,
            "event": event.headers.get("x-event-id", ""),
            "attempt": int(event.headers.get("x-attempt", "1")),
            "at": time.time(),
        }
    )
    print(f"{topic}: {shown(event.text)}")
    return {"statusCode": 204}


def shown(text):
    return text if len(text) <= LONG else f"{text[:LONG]}… ({len(text)} characters)"


def error(code, reason, **headers):
    return {"statusCode": code, "body": {"error": reason}, "headers": headers}
