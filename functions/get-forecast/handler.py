"""Says the forecasts that are kept, one for each place."""

import os
import sys
from functools import cache
from pathlib import Path

from pymongo import MongoClient
from pymongo.errors import ConfigurationError, ConnectionFailure, PyMongoError

COLLECTION = "forecast"
SHOWN = {"_id": False, "stored": False}
MILLISECONDS = 3000
"""What the database may take, waiting for it included."""


def handle(event, context):
    if event.path != "/":
        return error(404, "Not Found")
    if event.method != "GET":
        return error(405, "Method Not Allowed", Allow="GET")
    try:
        found = list(collection().find({}, SHOWN).sort("name"))
    except PyMongoError as wrong:
        if not wrong.timeout and not isinstance(wrong, ConnectionFailure | ConfigurationError):
            raise
        print(f"{type(wrong).__name__}: {wrong}", file=sys.stderr)
        return error(503, "the database does not answer", **{"Retry-After": "1"})
    # The page asks every few seconds, and must not be told what was true before.
    told = {"Cache-Control": "no-store", "X-Forecast-Source": os.environ["FORECAST_SOURCE"]}
    return {"body": found, "headers": told}


@cache
def collection():
    folder = Path(os.environ.get("SECRETS_FOLDER", "/var/openfaas/secrets"))
    client = MongoClient(
        (folder / "mongodb-uri").read_text().strip(), appname="get-forecast", maxPoolSize=32,
        timeoutMS=MILLISECONDS, serverSelectionTimeoutMS=MILLISECONDS // 2,
        connectTimeoutMS=MILLISECONDS // 2,
    )  # fmt: skip
    return client.get_default_database()[COLLECTION]


def error(code, reason, **headers):
    return {"statusCode": code, "body": {"error": reason}, "headers": headers}
