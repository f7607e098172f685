"""A function for tests: it does what its query says, and tells how it was called."""

import json
import os
import time
from pathlib import Path


def handle(event, context):
    query = event.query
    if "sleep" in query:
        time.sleep(float(query["sleep"]))
    if "print" in query:
        print(query["print"], flush=True)
    if "exit" in query:
        os._exit(int(query["exit"]))
    if "read" in query:
        return {"statusCode": 200, "body": Path(query["read"]).read_text()}
    told = {
        "pod": context.hostname,
        "method": event.method,
        "path": event.path,
        "query": str(query),
        "bytes": len(event.body),
        "headers": dict(event.headers),
        "environment": dict(os.environ),
    }
    return {"statusCode": 200, "body": json.dumps(told)}
