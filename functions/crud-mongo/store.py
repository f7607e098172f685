"""The way to the database: one client for the whole process, with a pool of connections."""

import os
from pathlib import Path
from threading import Lock

from pymongo import MongoClient
from pymongo.errors import ConfigurationError, ConnectionFailure, OperationFailure

SECRETS = Path(os.environ.get("secret_mount_path", "/var/openfaas/secrets"))  # noqa: SIM112
SECRET = SECRETS / "mongodb-uri"
SECONDS = 4
"""What the database may take, waiting for it included; the caller waits ten."""
AUTHENTICATION_FAILED = 18

_clients = []
_lock = Lock()


def database():
    """The database that DATABASE names, else the one of the connection string."""
    name = os.environ.get("DATABASE")
    return client()[name] if name else client().get_default_database()


def client():
    """The client, made with the first call: then its names can be looked up, or the call fails."""
    with _lock:
        if not _clients:
            _clients.append(connect(SECRET.read_text().strip()))
        return _clients[0]


def connect(uri):
    """A client whose writes count only once most members have them in their journals.

    It connects again by itself when the database has been away.
    """
    return MongoClient(
        uri, appname="crud-mongo", w="majority", journal=True, timeoutMS=SECONDS * 1000,
        serverSelectionTimeoutMS=SECONDS * 500, connectTimeoutMS=SECONDS * 500, maxPoolSize=32,
    )  # fmt: skip


def is_away(wrong):
    """Whether an error says that the database is not there, or not there in time."""
    if isinstance(wrong, OperationFailure) and wrong.code == AUTHENTICATION_FAILED:
        return True
    # A name of `mongodb+srv` that is not known is told as a wrong configuration.
    return wrong.timeout or isinstance(wrong, ConnectionFailure | ConfigurationError)
