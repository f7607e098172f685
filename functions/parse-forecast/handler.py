"""Is told of a new file in the bucket, and keeps the forecast that is in it, if it is newer."""

import sys
from functools import cache

from pymongo.errors import PyMongoError

from . import aemet, news, store
from .files import Away, Files
from .invalid import Invalid


def handle(event, context):
    if event.path != "/":
        return error(404, "Not Found")
    if event.method != "POST":
        return error(405, "Method Not Allowed", Allow="POST")
    try:
        told = news.read(event.body)
        forecast = aemet.read(files().content(told.key))
        if forecast["aemetid"] != told.place:
            raise Invalid(f"the file of {told.place} is about {forecast['aemetid']}")
        kept = store.keep(forecast, told.at)
    except Invalid as wrong:
        # No later call would do better: the connector puts the message aside, with this reason.
        return error(422, str(wrong))
    except (Away, PyMongoError) as wrong:
        if isinstance(wrong, PyMongoError) and not store.is_away(wrong):
            raise
        print(f"{type(wrong).__name__}: {wrong}", file=sys.stderr)
        return error(503, "what this needs does not answer", **{"Retry-After": "1"})
    print(f"{told.key}: {'kept' if kept else 'nothing newer than what is kept'}", flush=True)
    return {"body": {"aemetid": told.place, "update": forecast["update"], "kept": kept}}


@cache
def files():
    return Files.from_environment()


def error(code, reason, **headers):
    return {"statusCode": code, "body": {"error": reason}, "headers": headers}
