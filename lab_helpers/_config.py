"""The one place that reads the environment and knows where things are kept."""

from __future__ import annotations

import os
import pwd
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ._exceptions import UsageError

ROOT = Path(__file__).resolve().parent.parent
_LEARNER = re.compile(r"[a-z][a-z0-9]{0,11}")
LONGEST_NAME = 10
"""Letters of a cluster's name: with what is put before it, it names a network interface."""
_NAME = re.compile(rf"[a-z](?:[a-z0-9-]{{0,{LONGEST_NAME - 2}}}[a-z0-9])?")


@dataclass(frozen=True)
class Settings:
    """What the environment says, read once.

    :ivar root: the clone's folder.
    :ivar cache: what is built once and kept, ``serverless-lab`` in ``LAB_CACHE`` or in the
        user's cache folder.
    :ivar build: executed notebooks, reports, diagnostics: everything made for the reader;
        ``build`` in the clone, or what ``LAB_BUILD`` says.
    :ivar name: the embedded cluster's name (``LAB_NAME``), at most 10 characters.
    :ivar egress: whether the sandbox gets a way out to the network (``LAB_EGRESS=1`` or ``0``);
        None leaves it as the cluster was made.
    :ivar cluster: where the cluster comes from (``LAB_CLUSTER``).
    :ivar context: the kubeconfig context that was named (``LAB_CONTEXT``); never the current one.
    :ivar registry: a registry that both this machine and the cluster reach (``LAB_REGISTRY``).
    :ivar domain: pages are served below it, ``HOST[:PORT]`` (``LAB_DOMAIN``).
    :ivar images: ``built`` or ``upstream`` images for components (``LAB_IMAGES``); empty for what
        suits the cluster.
    :ivar learner: prefix of whatever learners on one cluster must not share (``LAB_LEARNER``).
    :ivar solve: whether exercises are solved for want of a learner (``LAB_SOLVE=1``).
    :ivar owner: uid and gid that own what is written, the caller's own also under sudo.
    """

    root: Path
    cache: Path
    build: Path
    name: str
    egress: bool | None
    cluster: str
    context: str
    registry: str
    domain: str
    images: str
    learner: str
    solve: bool
    owner: tuple[int, int]
    is_root: bool

    @property
    def clusters(self) -> Path:
        return self.cache / "clusters"


@cache
def settings() -> Settings:
    """The settings of this process.

    :raises UsageError: a variable holds something that cannot be used.
    """
    name = os.environ.get("LAB_NAME", "lab")
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"LAB_NAME={name!r} is no cluster name",
            remedy="up to 10 lower-case letters, digits and dashes, starting with a letter",
        )
    owner, home = _owner()
    cache_home = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return Settings(
        root=ROOT,
        # A folder of its own in any case: what is in it is removed without asking.
        cache=Path(os.environ.get("LAB_CACHE") or cache_home).absolute() / "serverless-lab",
        build=ROOT / (os.environ.get("LAB_BUILD") or "build"),
        name=name,
        egress=_switch("LAB_EGRESS"),
        cluster=os.environ.get("LAB_CLUSTER") or "embedded",
        context=os.environ.get("LAB_CONTEXT", ""),
        registry=os.environ.get("LAB_REGISTRY", ""),
        domain=os.environ.get("LAB_DOMAIN", ""),
        images=_one_of("LAB_IMAGES", "", "built", "upstream"),
        learner=_learner(),
        solve=bool(_switch("LAB_SOLVE")),
        owner=owner,
        is_root=os.geteuid() == 0,
    )


def _switch(variable: str) -> bool | None:
    value = os.environ.get(variable, "")
    return None if value == "" else value != "0"


def _one_of(variable: str, *values: str) -> str:
    value = os.environ.get(variable, "")
    if value not in values:
        choice = ", ".join(filter(None, values))
        raise UsageError(f"{variable}={value!r} is not known", remedy=f"one of {choice}")
    return value


def _learner() -> str:
    learner = os.environ.get("LAB_LEARNER", "")
    if learner and not _LEARNER.fullmatch(learner):
        raise UsageError(
            f"LAB_LEARNER={learner!r} cannot begin a name on the cluster",
            remedy="up to 12 lower-case letters and digits, starting with a letter",
        )
    return learner


def _owner() -> tuple[tuple[int, int], Path]:
    """Who called, and where they live: under sudo that is not the effective user."""
    uid = os.environ.get("SUDO_UID")
    if os.geteuid() != 0 or uid is None:
        return (os.getuid(), os.getgid()), Path.home()
    caller = pwd.getpwuid(int(uid))
    return (caller.pw_uid, caller.pw_gid), Path(caller.pw_dir)


def environment(**changes: str) -> dict[str, str]:
    """The process environment with some variables set, for a program to be run in."""
    return {**os.environ, **changes}


def export(**variables: str) -> None:
    """Set variables for this process and for what it starts (kernels, ``!kubectl`` in a cell)."""
    os.environ.update(variables)
    settings.cache_clear()


def lookup(variable: str) -> str | None:
    """One variable of the environment, for callers that take it as an input."""
    return os.environ.get(variable)
