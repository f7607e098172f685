"""Source files on their way into an image: which ones, what counts of them, copying them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from ._exec import run

Files = dict[str, Path]
"""Files by the name that they get, relative to the folder they are copied to."""


def below(folder: Path, *, leave_out: tuple[str, ...] = ()) -> Files:
    """The files of a folder: no caches, nothing hidden.

    :param leave_out: names of files that are not wanted; the same names further below are.
    """
    found = {
        str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()
    }
    return {name: path for name, path in found.items() if _shown(name) and name not in leave_out}


def _shown(name: str) -> bool:
    return not any(part.startswith(".") or part == "__pycache__" for part in Path(name).parts)


def inputs(files: Files) -> Iterator[str | Path]:
    """What counts of files for a digest: where each one is, whether it can be run, its content."""
    for name, path in sorted(files.items()):
        yield f"{name} {os.access(path, os.X_OK)}"
        yield path


def copy(files: Files, target: Path) -> None:
    """Copy files into a folder, readable for everybody: an umask is the caller's own affair."""
    target.mkdir(parents=True, exist_ok=True)
    for name, path in files.items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target / name)
    make_readable(target)


def make_readable(folder: Path) -> None:
    """Let the user that a function runs as read everything, and write nothing."""
    run(["chmod", "-R", "a+rX,go-w", folder])
