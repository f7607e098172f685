"""Counts what it was called with, and says so when it is asked."""

from collections import Counter
from hashlib import sha256

LEDGER = Counter()
DIGESTS = []


def handle(event, _):
    if event.method == "GET":
        return {"body": DIGESTS if event.path == "/digests" else LEDGER}
    text = event.body.decode(errors="replace")[:40]
    LEDGER[text or event.headers.get("x-event-id", "")] += 1
    DIGESTS.append(sha256(event.body).hexdigest())
    del DIGESTS[:-100]
    return {"statusCode": 500 if text.startswith("fail") else 200}
