"""Brings a database's tables up to date: each step once, in order, however often it is asked."""

from pathlib import Path
from typing import Any

import psycopg

STEPS = {int(path.name[:3]): path for path in sorted(Path(__file__).parent.glob("[0-9]*.sql"))}
_LOCK = 0x726F7773
"""Any number, the same for all pods: the first one migrates, the others wait."""


def migrate(connection: psycopg.Connection[Any]) -> list[int]:
    """Apply the steps that the database does not have yet, all or none.

    :returns: their numbers.
    """
    if not (missing := _missing(connection)):
        # Nor does it need the right to make tables.
        return []
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        connection.execute(
            "CREATE TABLE IF NOT EXISTS migration"
            "(step int PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        missing = _missing(connection)
        for step in missing:
            connection.execute(STEPS[step].read_bytes())
            connection.execute("INSERT INTO migration (step) VALUES (%s)", [step])
    return missing


def _missing(connection: psycopg.Connection[Any]) -> list[int]:
    with connection.cursor(row_factory=psycopg.rows.tuple_row) as cursor:
        (known,) = cursor.execute("SELECT to_regclass('migration')").fetchone() or (None,)
        applied = cursor.execute("SELECT step FROM migration").fetchall() if known else []
    return [step for step in STEPS if (step,) not in applied]
