"""The Python packages that functions need, pinned by hash, unpacked and compiled for their base."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from pathlib import Path

from . import _progress, _sources
from ._artifacts import Artifact, digest
from ._config import environment, settings
from ._exceptions import LabError
from ._exec import PYTHON, run, stream
from .bases import Base
from .bases.python import DebianPython, UpstreamPython

_RECIPE = "1"
"""Raised when this module makes something else of the same inputs."""
_GLIBC = "manylinux_2_28"
"""Wheels for this C library and older run on every distribution there is a base of."""
_PLACE = "/opt/packages"


def unpacked(name: str, pinned: Sequence[Path], base: Base) -> Artifact:
    """The packages that these files pin, for functions on this base.

    :param name: whose packages they are, for people and for the artefact's name.
    :param pinned: files with versions and hashes; none make an empty folder.
    """
    texts = "".join(file.read_text() for file in pinned)

    def make(folder: Path, step: _progress.Step) -> None:
        if pinned:
            _fetch(pinned, base, folder, step)

    key = digest(_RECIPE, _GLIBC, base.key, texts)
    return Artifact(f"packages-{name}", f"fetch what function {name} needs", key, make)


def _fetch(pinned: Sequence[Path], base: Base, folder: Path, step: _progress.Step) -> None:
    if not isinstance(base, DebianPython | UpstreamPython):
        raise LabError(
            f"{pinned[0]} pins Python packages for a function that is not in Python",
            remedy="remove it, or choose a template for Python",
        )
    for file in pinned:
        _demand_hashes(file)
    stream(
        [*PYTHON, "-m", "uv", "pip", "install", "--require-hashes", "--only-binary", ":all:",
         "--no-config", "--link-mode", "copy", "--python-version", base.python,
         "--python-platform", f"{platform.machine()}-{_GLIBC}", "--target", folder,
         *(word for file in pinned for word in ("-r", file))],
        env=environment(**_index(), UV_CACHE_DIR=str(settings().cache / "wheels")),
        on_line=step.update,
        remedy="check the network to the Python package index, and that all files pin the same",
    )  # fmt: skip
    base.prepare(folder, _PLACE)
    _sources.make_readable(folder)


def _demand_hashes(file: Path) -> None:
    """Refuse a file with the bare names of packages, before anything is fetched."""
    lines = file.read_text().replace("\\\n", " ").splitlines()
    words = [line.split("#")[0].strip() for line in lines]
    bare = [line for line in words if line and not line.startswith("-") and "--hash=" not in line]
    if bare:
        raise LabError(
            f"{file} pins no hashes, so what is installed could be another thing each time",
            seen=bare[0],
            remedy="write the names into requirements.in, and pin them in its folder: "
            "uv pip compile --generate-hashes --universal --python-version 3.11 "
            "requirements.in -o requirements.txt",
        )


def _index() -> dict[str, str]:
    """Where pip is told to take packages from, for uv, which does not read pip's settings."""
    asked = [*PYTHON, "-m", "pip", "config", "list"]
    lines = (line.partition("=") for line in run(asked).splitlines())
    known = {name.rpartition(".")[2]: value.strip("'") for name, _, value in lines}
    return {
        variable: known[setting]
        for setting, variable in (("index-url", "UV_DEFAULT_INDEX"), ("cert", "SSL_CERT_FILE"))
        if setting in known
    }
