"""A function for tests: it prints what it gets, and whose answer that is, and hands it on."""


def handle(event, _context):
    print(event.body.decode(), event.headers.get("x-function-name", ""), flush=True)
    return {"statusCode": 200, "body": event.body}
