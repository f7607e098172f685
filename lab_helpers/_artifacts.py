"""The build cache: what is made from the same inputs is made once.

An artefact is a folder ``artifacts/NAME-HASH`` in the cache. The hash covers everything that
goes in: source files, pinned versions, other artefacts. A folder is filled under another name
and renamed when complete, so whatever stands under the final name is whole, whenever the
making was interrupted.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from . import _progress
from ._config import settings
from ._exceptions import LabError
from ._files import give_to_owner, locked, remove_tree

Make = Callable[[Path, _progress.Step], None]


@dataclass(frozen=True)
class Artifact:
    """Something built from inputs and kept.

    :ivar name: unique, for people and for the folder's name.
    :ivar what: the progress line while it is made.
    :ivar key: the hash of its inputs, from :func:`digest`.
    :ivar make: fills an empty folder.
    :ivar owned: whether it is handed to the caller under sudo; what containers see is not.
    """

    name: str
    what: str
    key: str
    make: Make
    owned: bool = True

    @property
    def path(self) -> Path:
        return settings().cache / "artifacts" / f"{self.name}-{self.key}"

    @property
    def exists(self) -> bool:
        return self.path.is_dir()

    def build(self) -> Path:
        """The folder, made first where it is missing. Concurrent callers make it once."""
        if self.exists:
            return self.path
        with locked(self.path.parent / f".{self.name}.lock", self.what, timeout=3600):
            if not self.exists:
                self._make()
        return self.path

    def _make(self) -> None:
        for abandoned in self.path.parent.glob(f".{self.name}.*.unfinished"):
            with suppress(OSError):
                # Somebody may be writing to it still; it is never looked at again.
                remove_tree(abandoned)
        unfinished = self.path.parent / f".{self.name}.{token_hex(4)}.unfinished"
        unfinished.mkdir()
        with _progress.step(self.what) as step:
            self.make(unfinished, step)
        if self.owned:
            give_to_owner(unfinished)
        os.sync()
        unfinished.rename(self.path)


def prune(keep: list[Artifact]) -> None:
    """Remove every artefact but those given; what a cluster runs on stays as well."""
    names = {artifact.path.name for artifact in keep} | _in_use()
    for path in (settings().cache / "artifacts").iterdir():
        if path.name not in names and not path.name.startswith("."):
            remove_tree(path)


def _in_use() -> set[str]:
    """The artefacts that the clusters of this cache link to."""
    links = settings().clusters.glob("*/bin/*")
    return {part for link in links if link.is_symlink() for part in link.readlink().parts}


def digest(*inputs: str | Path | Iterable[Path]) -> str:
    """A short hash of texts, and of files with their names and contents.

    A folder counts with all files below it.
    """
    total = hashlib.sha256()
    for item in inputs:
        if isinstance(item, str):
            total.update(item.encode() + b"\0")
        else:
            for name, path in _files([item] if isinstance(item, Path) else item):
                total.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()[:12]


def _files(paths: Iterable[Path]) -> list[tuple[str, Path]]:
    """Files with the names they count under: relative to the folder that was given."""
    found: list[tuple[str, Path]] = []
    for path in paths:
        if path.is_dir():
            found += [(str(f.relative_to(path)), f) for f in path.rglob("*") if f.is_file()]
        else:
            found.append((path.name, path))
    return sorted(found)


def require_space(gigabytes: float) -> None:
    """Refuse to start what would fill the disk half-way.

    :raises LabError: less than that is free in the cache's file system.
    """
    folder = settings().cache
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free / 1e9
    if free < gigabytes:
        raise LabError(
            f"not enough disk space in {folder}",
            seen=f"{free:.1f} GB free, {gigabytes:g} GB needed",
            remedy="free some space, or point LAB_CACHE to a larger disk",
        )
