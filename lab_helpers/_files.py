"""Files and folders: removed whole, written whole, owned by whoever called."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from filelock import FileLock, Timeout

from ._config import settings
from ._exceptions import LabError
from ._exec import as_root, run


def remove_tree(path: Path) -> None:
    """Remove a file or folder if it is there.

    Read-only folders (Go's module cache) go as well, and what root made for the caller.
    """
    if path.is_symlink() or path.is_file():
        path.unlink(missing_ok=True)
    elif path.is_dir():
        try:
            _remove_folder(path)
        except PermissionError:
            run(as_root(["rm", "-rf", path]))


def _remove_folder(path: Path) -> None:
    for folder, _, _ in os.walk(path):
        Path(folder).chmod(0o700)
    shutil.rmtree(path)


@contextmanager
def locked(path: Path, what: str, *, timeout: float = 300) -> Iterator[None]:
    """Hold a lock file; the system lets go of it however this process ends.

    :param what: what is being done, for whoever waits in vain.
    :raises LabError: somebody else holds it for longer than ``timeout`` seconds.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(path, timeout=timeout):
            for made in (path, path.parent, settings().cache):
                give_to_owner(made, below=False)
            yield
    except Timeout as taken:
        raise LabError(
            f"another ./lab is busy: {what}",
            seen=f"waited {timeout:g} s for {path}",
            remedy="wait for it to end, or end it, and run this again",
        ) from taken


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder to work in, which is gone afterwards.

    It is in the cache: what a killed process leaves goes with that, and nothing else of this
    machine has to be looked through.
    """
    parent = settings().cache / "scratch"
    parent.mkdir(parents=True, exist_ok=True)
    for made in (parent, parent.parent):
        give_to_owner(made, below=False)
    with TemporaryDirectory(dir=parent) as name:
        yield Path(name).resolve()


def give_to_owner(path: Path, *, below: bool = True) -> None:
    """Under sudo, hand a path to the calling user.

    :param below: with everything below it.
    """
    uid, gid = settings().owner
    if not settings().is_root or (uid, gid) == (0, 0) or not path.exists():
        return
    for each in (path, *(path.rglob("*") if below else ())):
        os.chown(each, uid, gid, follow_symlinks=False)


def write(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Write a file whole or not at all, never readable to more than ``mode`` allows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "w") as stream:
        stream.write(text)
        stream.flush()
        # A key or a record that is there must be whole, after a loss of power as well.
        os.fsync(stream.fileno())
    unfinished.rename(path)


def read_json(path: Path) -> dict[str, Any] | None:
    """A JSON object from a file, or None where there is no (readable) one."""
    try:
        content = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def write_json(path: Path, content: dict[str, Any], *, mode: int = 0o644) -> None:
    """Write a JSON object, whole or not at all."""
    write(path, json.dumps(content, indent=2) + "\n", mode=mode)
