"""Files and folders: removed whole, written whole, owned by whoever called."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from ._config import settings


def remove_tree(path: Path) -> None:
    """Remove a file or folder if it is there, read-only folders (Go's module cache) included."""
    if path.is_symlink() or path.is_file():
        path.unlink(missing_ok=True)
    elif path.is_dir():
        for folder, _, _ in os.walk(path):
            os.chmod(folder, 0o700)  # noqa: PTH101 - walks bytes-safe names
        shutil.rmtree(path)


def give_to_owner(path: Path) -> None:
    """Under sudo, hand a path and everything below it to the calling user."""
    uid, gid = settings().owner
    if not settings().is_root or (uid, gid) == (0, 0) or not path.exists():
        return
    for each in (path, *path.rglob("*")):
        os.chown(each, uid, gid, follow_symlinks=False)


def write(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Write a file whole or not at all, never readable to more than ``mode`` allows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "w") as stream:
        stream.write(text)
    unfinished.rename(path)


def read_json(path: Path) -> dict[str, Any] | None:
    """A JSON object from a file, or None where there is no (readable) one."""
    try:
        content = json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return content if isinstance(content, dict) else None


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON object, whole or not at all."""
    write(path, json.dumps(content, indent=2) + "\n")
