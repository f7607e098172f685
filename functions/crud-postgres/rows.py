"""Rows in PostgreSQL: one pool of connections for all calls, which outlives a server's failure."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path
from threading import Lock
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool, PoolTimeout

from .api import Unavailable
from .migrations import migrate

CONNECTIONS = 8
PATIENCE = 4
"""Seconds that a call waits for a connection."""
_NEVER_STORED = "$" + "0" * 64


class Rows:
    """Devices and what they reported."""

    def __init__(self) -> None:
        self._first = Lock()
        self._ready = False
        self._pool: ConnectionPool[psycopg.Connection[dict[str, Any]]] = ConnectionPool(
            address(), kwargs={**_ATTENTIVE, "autocommit": True, "row_factory": dict_row},
            # A connection that the last leader had is noticed when it is taken, not in a call.
            check=ConnectionPool.check_connection,
            min_size=1, max_size=CONNECTIONS, timeout=PATIENCE, reconnect_timeout=PATIENCE,
            # Connects in the background: the function starts without the database, too.
            open=True,
        )  # fmt: skip

    def knows(self, device: int, key: str) -> bool:
        query = "SELECT device_key FROM device WHERE device_id = %s"
        with self._connection() as connection:
            found = connection.execute(query, [device]).fetchone()
        # As much work for a device that there is not: the time that it takes tells nothing.
        salt, _, stored = (found["device_key"] if found else _NEVER_STORED).partition("$")
        hashed = sha256(f"{salt}{key}".encode(errors="surrogateescape")).hexdigest()
        return compare_digest(hashed, stored) and found is not None

    def add(self, device: int, uptime: int, temperature: int) -> None:
        query = "INSERT INTO device_status (device_id, uptime, temperature_c) VALUES (%s, %s, %s)"
        with self._connection() as connection:
            connection.execute(query, [device, uptime, temperature])

    def latest(self, device: int, most: int) -> list[dict[str, Any]]:
        query = """
            SELECT status_id, uptime, temperature_c, created_at FROM device_status
            WHERE device_id = %s ORDER BY status_id DESC LIMIT %s
        """
        with self._connection() as connection:
            found = connection.execute(query, [device, most]).fetchall()
        return [{**row, "created_at": row["created_at"].isoformat()} for row in found]

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection[dict[str, Any]]]:
        """A connection that answers, to a server that can be written to.

        :raises Unavailable: there is none, or it broke. Nothing is tried again here: whether what
            was under way has happened is not known.
        """
        try:
            with self._pool.connection() as connection:
                self._prepare(connection)
                yield connection
        except (PoolTimeout, psycopg.OperationalError, *_NOT_THE_LEADER) as wrong:
            print(f"the database cannot be used: {wrong}", flush=True)
            raise Unavailable from wrong

    def _prepare(self, connection: psycopg.Connection[Any]) -> None:
        """Bring the tables up to date before the first call."""
        with self._first:
            if not self._ready:
                migrate(connection)
                self._ready = True


_NOT_THE_LEADER = (psycopg.errors.ReadOnlySqlTransaction,)
_ATTENTIVE = {
    "connect_timeout": 2,
    # Of several servers behind one name, only the leader takes rows.
    "target_session_attrs": "read-write",
    # A pod that is gone says nothing any more: three seconds of silence are enough.
    "keepalives_idle": 1, "keepalives_interval": 1, "keepalives_count": 2,
    "tcp_user_timeout": 3000,
    "options": "-c statement_timeout=5s",
}  # fmt: skip


def address() -> str:
    """Where the database is, and as whom it is asked; never without TLS.

    :raises ValueError: the secret says no such thing.
    """
    secrets = Path(os.environ.get("SECRETS", "/var/openfaas/secrets"))
    said = (secrets / "postgres-connection").read_text()
    try:
        return make_conninfo(said, sslmode="require", application_name="crud-postgres")
    except psycopg.ProgrammingError:
        # What is wrong stays unsaid: it may be a password.
        raise ValueError("the secret postgres-connection is not `key=value key=value`") from None
