"""Says what it received."""

import json


def handle(event, context):
    if event.path != "/":
        return error(404, "Not Found")
    if event.method != "POST":
        return error(405, "Method Not Allowed", Allow="POST")
    try:
        received = json.loads(event.body, parse_constant=_refuse)
        shown = json.dumps(received, ensure_ascii=False)
    except (ValueError, RecursionError):
        return error(400, "the body is not JSON")
    return {"statusCode": 200, "body": {"status": f"Received input: {shown}"}}


def error(code, reason, **headers):
    return {"statusCode": code, "body": {"error": reason}, "headers": headers}


def _refuse(word):
    """NaN and Infinity, which Python would take and no other language."""
    raise ValueError(word)
