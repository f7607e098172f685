"""Which kubectl talks to a cluster: one at most a minor version away from the server."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from secrets import token_hex

from .. import _progress
from .._config import environment, lookup, settings
from .._exceptions import CommandError, LabError
from .._exec import Argument, run
from .._files import give_to_owner
from ..programs import CATALOGUE

SKEW = 1
"""Minor versions between client and server that Kubernetes supports."""


def minor(version: str) -> int:
    """The minor version in ``v1.MINOR.…``.

    :raises LabError: it is not the version of a Kubernetes 1.
    """
    found = re.match(r"v1\.(\d+)", version)
    if found is None:
        raise LabError(f"{version!r} is no version of Kubernetes 1")
    return int(found[1])


def any_kubectl() -> Path:
    """A kubectl to read kubeconfigs with, for which every version does."""
    if not CATALOGUE["kubernetes"].artifact.exists and (own := _users_own()):
        return own
    link = settings().cache / "bin" / "kubectl"
    link_to(_built(), link)
    return link


def link_to(program: Path, link: Path) -> None:
    """Make a program start under a link's name. Kubernetes' is another under each."""
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink() or link.readlink() != program:
        unfinished = link.with_name(f".{link.name}.{token_hex(4)}")
        unfinished.symlink_to(program)
        unfinished.rename(link)
        give_to_owner(link.parent)


def fitting_kubectl(server: str) -> Path:
    """The user's own kubectl where it fits the server's version, else the course's.

    Where neither fits, the nearer one is taken, and a line says so.
    """
    known = {own: _version(own)} if (own := _users_own()) else {}
    fits = [path for path, version in known.items() if _distance(version, server) <= SKEW]
    if fits:
        return fits[0]
    course = CATALOGUE["kubernetes"].version
    nearest = own if own and _distance(known[own], server) <= _distance(course, server) else None
    version = known[nearest] if nearest else course
    if _distance(version, server) > SKEW:
        _progress.say(
            f"kubectl {version} is more than one minor version from the server's {server}; a "
            "kubectl of that version on PATH would be used instead"
        )
    return nearest or _built()


def _distance(client: str, server: str) -> int:
    return abs(minor(client) - minor(server))


def _users_own() -> Path | None:
    """The kubectl on PATH, what the course itself put there left out."""
    ours = str(settings().clusters)
    path = [part for part in (lookup("PATH") or "").split(":") if not part.startswith(ours)]
    found = shutil.which("kubectl", path=":".join(path))
    if found is None or not _version(Path(found)):
        return None
    return Path(found).absolute()


def _version(program: Path) -> str:
    """What a kubectl says it is; empty where it says nothing that can be read."""
    # Google's kubectl asks the server of the current context which version it should be.
    nowhere = environment(KUBECONFIG=os.devnull)
    asked: list[Argument] = [program, "version", "--client", "--output=json"]
    try:
        said = json.loads(run(asked, env=nowhere, timeout=20))
        return str(said["clientVersion"]["gitVersion"])
    except (CommandError, ValueError, KeyError, TypeError):
        return ""


def _built() -> Path:
    program = CATALOGUE["kubernetes"]
    program.artifact.build()
    return program.binary
