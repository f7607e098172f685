"""The forecasts in MongoDB, one for each place: the newest."""

import os
from functools import cache
from pathlib import Path

from pymongo import MongoClient
from pymongo.errors import ConfigurationError, ConnectionFailure, DuplicateKeyError

COLLECTION = "forecast"
MILLISECONDS = 4000
"""What the database may take, waiting for it included."""


@cache
def collection():
    """The collection, in which no place is twice: two who store at the same time must not."""
    folder = Path(os.environ.get("SECRETS_FOLDER", "/var/openfaas/secrets"))
    client = MongoClient(
        (folder / "mongodb-uri").read_text().strip(), appname="parse-forecast",
        w="majority", journal=True, timeoutMS=MILLISECONDS,
        serverSelectionTimeoutMS=MILLISECONDS // 2, connectTimeoutMS=MILLISECONDS // 2,
    )  # fmt: skip
    found = client.get_default_database()[COLLECTION]
    found.create_index("aemetid", unique=True)
    return found


def keep(forecast, at):
    """Store a forecast, unless one is there that is as new; whether it was stored.

    :param at: when its file was stored. Of two files with the same date, the later one counts.
    """
    update = forecast["update"]
    older = [{"update": {"$lt": update}}, {"update": update, "stored": {"$lt": at}}]
    try:
        # Where there is none that is older, MongoDB makes a new one, which the index refuses if
        # that is because the place has a newer one.
        collection().update_one(
            {"aemetid": forecast["aemetid"], "$or": older},
            {"$set": {**forecast, "stored": at}},
            upsert=True,
        )
    except DuplicateKeyError:
        return False
    return True


def is_away(wrong):
    """Whether an error says that the database is not there, or not there in time."""
    return wrong.timeout or isinstance(wrong, ConnectionFailure | ConfigurationError)
