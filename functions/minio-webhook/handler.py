"""Is told by MinIO what happens in a bucket, prints it, and says what was told last."""

import hmac
import json
import os
import time
from collections import deque
from pathlib import Path
from urllib.parse import unquote_plus

LAST = 50
"""Events that are remembered, by this pod and as long as it lives."""
TOKEN = Path(os.environ.get("SECRETS_FOLDER", "/var/openfaas/secrets"), "minio-webhook-token")

last = deque(maxlen=LAST)
count = 0


class NoEvent(Exception):
    """What came is none of MinIO's events; says why."""


def handle(event, context):
    if event.path != "/":
        return error(404, "Not Found")
    if event.method == "GET":
        return {"body": {"count": count, "last": list(last)}}
    if event.method != "POST":
        return error(405, "Method Not Allowed", Allow="GET, POST")
    # Everybody reaches a function, and only MinIO knows this.
    if not hmac.compare_digest(token(event), TOKEN.read_text().strip().encode()):
        return error(401, "the token is missing or wrong")
    try:
        told = read(event.body)
    except NoEvent as wrong:
        return error(400, str(wrong))
    return keep(told)


def token(event):
    return event.headers.get("authorization", "").removeprefix("Bearer ").encode()


def read(body):
    """What an event says, in short.

    The name of an object is encoded as in an address; that of the bucket needs no encoding.
    """
    try:
        said = json.loads(body)
        (record,) = said["Records"]
        about = record["s3"]
        return {
            "event": str(said["EventName"]),
            "bucket": str(about["bucket"]["name"]),
            "object": unquote_plus(about["object"]["key"]),
            "size": int(about["object"].get("size", 0)),
        }
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as wrong:
        raise NoEvent("this is no event of a bucket, as MinIO sends them") from wrong


def keep(told):
    global count  # noqa: PLW0603
    count += 1
    last.append({**told, "at": time.time()})
    print("{event} {bucket}/{object} ({size} bytes)".format(**told))
    return {"body": told}


def error(code, reason, **headers):
    return {"statusCode": code, "body": {"error": reason}, "headers": headers}
