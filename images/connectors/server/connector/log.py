"""The log: one line of JSON for each thing that happens."""

from __future__ import annotations

import json
from datetime import UTC, datetime


def say(level: str, message: str, **fields: object) -> None:
    """Print a line; fields that say nothing are left out."""
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    said = {key: value for key, value in fields.items() if value not in (None, "")}
    line = {"at": at, "level": level, "message": message, **said}
    print(json.dumps(line, ensure_ascii=False) + "\n", end="", flush=True)
