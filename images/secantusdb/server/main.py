"""Starts SecantusDB with the users that Secrets name.

The server knows no users at first, and with --auth nobody may make any. So whenever the Secrets say
something new it runs without, for this program alone on the loopback. Then this process becomes the
server.

Variables: DATA, the folder of the volume; USERS, one with files as in the Secret of an operator's
cluster, MONGODB_…_USER and MONGODB_…_PASSWORD; APPLICATION, one with username, password and
database; HOST and PORT, where it listens; CACHE, the memory in which it keeps documents.
"""

import os
import socket
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

DATA = Path(os.environ.get("DATA", "/data"))
STAMP = DATA / "users"
PATIENCE = 60.0
LOOPBACK = "127.0.0.1"
EVERYWHERE = "0.0.0.0"  # noqa: S104 - of its pod
ALREADY_EXISTS = 51003
ROLES = {
    "BACKUP": ["backup", "restore", "clusterMonitor"],
    "CLUSTER_ADMIN": ["clusterAdmin"],
    "CLUSTER_MONITOR": ["clusterMonitor"],
    "DATABASE_ADMIN": [
        "readWriteAnyDatabase", "dbAdminAnyDatabase", "backup", "restore", "clusterMonitor",
    ],
    "USER_ADMIN": ["userAdminAnyDatabase"],
}  # fmt: skip
"""What the system's users may do, as with Percona's operator."""


def main():
    known = wanted()
    said = sha256(repr(known).encode()).hexdigest()
    if not STAMP.exists() or STAMP.read_text() != said:
        make(known)
        write(STAMP, said)
    host, port = os.environ.get("HOST", EVERYWHERE), os.environ.get("PORT", "27017")
    command = server(host, port, "--auth")
    os.execv(command[0], command)


def wanted():
    """The users as createUser takes them."""
    system, own = Path(os.environ["USERS"]), Path(os.environ["APPLICATION"])
    users = [
        user(*(read(system, f"MONGODB_{name}_{part}") for part in ("USER", "PASSWORD")), roles)
        for name, roles in ROLES.items()
    ]
    role = {"role": "readWrite", "db": read(own, "database")}
    return [*users, user(read(own, "username"), read(own, "password"), [role])]


def read(folder, name):
    return (folder / name).read_text().strip()


def user(name, password, roles):
    return {"name": name, "pwd": password, "roles": roles}


def make(users):
    """Make the users on a server that nobody else reaches; who is there gets the new password."""
    port = free_port()
    process = subprocess.Popen(server(LOOPBACK, port))
    try:
        with MongoClient(f"mongodb://{LOOPBACK}:{port}/?directConnection=true") as client:
            wait(client, process)
            for each in users:
                put(client.admin, **each)
    finally:
        process.terminate()
        process.wait()


def free_port():
    with socket.create_server((LOOPBACK, 0)) as listening:
        return str(listening.getsockname()[1])


def wait(client, process):
    end = time.monotonic() + PATIENCE
    while True:
        try:
            client.admin.command("ping")
            return
        except PyMongoError:
            if process.poll() is not None or time.monotonic() > end:
                raise


def put(admin, name, **said):
    try:
        admin.command("createUser", name, **said)
    except OperationFailure as refused:
        if refused.code != ALREADY_EXISTS:
            raise
        admin.command("updateUser", name, **said)


def server(host, port, *options):
    """The command; each write is in the journal on disk before it is acknowledged."""
    return [
        sys.executable, "-m", "secantus", "--host", host, "--port", port,
        "--storage-path", str(DATA / "db"), "--sync-on-commit",
        "--cache-size", os.environ.get("CACHE", "64M"), *options,
    ]  # fmt: skip


def write(path, text):
    """Write a file whole, or not at all."""
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(text)
    unfinished.rename(path)


if __name__ == "__main__":
    main()
