"""Publishes what it is sent: on the subject that the query names, or on the usual one.

With `?stored=true` it answers when JetStream has kept the message, and not before.
"""

from .broker import Away, Broker, Refused, unusable

BROKER = Broker.from_environment()


async def handle(event, context):
    if event.path != "/":
        return error(404, "Not Found")
    if event.method != "POST":
        return error(405, "Method Not Allowed", Allow="POST")
    subject = event.query.get("subject", BROKER.subject)
    if wrong := unusable(subject):
        return error(400, wrong)
    try:
        if event.query.get("stored") == "true":
            kept = await BROKER.store(subject, event.body)
        else:
            kept = await BROKER.publish(subject, event.body)
    except Refused as refused:
        return error(400, str(refused))
    except Away as away:
        print(f"NATS cannot be used: {away}")
        return error(503, "nobody has confirmed the message; try again soon")
    return {"body": {"subject": subject, "bytes": len(event.body), **kept}}


def error(code, reason, **headers):
    return {"statusCode": code, "body": {"error": reason}, "headers": headers}
