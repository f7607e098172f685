"""What images of functions start from: one base for each language that functions are written in.

A base is made of the distribution's packages where there is apt, and is the language's own
published image elsewhere. Each kind is a module here, registered in :data:`KINDS`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from .._artifacts import Artifact
from .._exceptions import UsageError
from .java import DebianJava, UpstreamJava
from .node import DebianNode, UpstreamNode
from .python import DebianPython, UpstreamPython


class Base(Protocol):
    """An image that functions in one language start from."""

    @property
    def key(self) -> str:
        """Changes whenever functions have to be made anew on it."""

    @property
    def reference(self) -> str:
        """Its full name."""

    @property
    def archive(self) -> Path | None:
        """It as an OCI archive, made first where it is missing; None where it is pulled."""

    @property
    def artifacts(self) -> Sequence[Artifact]:
        """What must be in the cache before it can be built on."""

    def prepare(self, folder: Path, seen_as: str, *, beside: Sequence[Path] = ()) -> None:
        """Compile the sources of a folder for the image, in place, or at least check them.

        :param seen_as: where the image has the folder, for messages at run time.
        :param beside: folders prepared before, which these sources may use.
        :raises CommandError: one of them is broken; the error says which and on what line.
        """


class Kind(NamedTuple):
    """The two ways to have a base: from Debian's packages, and as upstream publishes it."""

    debian: Callable[[], Base]
    upstream: Callable[[], Base]


KINDS: dict[str, Kind] = {
    "java": Kind(DebianJava, UpstreamJava),
    "node": Kind(DebianNode, UpstreamNode),
    "python": Kind(DebianPython, UpstreamPython),
}
"""Every kind, by the name that ``base`` has in a ``template.yml``."""


def base(kind: str = "python") -> Base:
    """The base of this kind for this machine.

    :raises UsageError: there is no such kind.
    """
    if kind not in KINDS:
        raise UsageError(f"there is no base {kind!r} for functions", remedy=", ".join(KINDS))
    known = KINDS[kind]
    return known.debian() if shutil.which("apt-get") else known.upstream()
