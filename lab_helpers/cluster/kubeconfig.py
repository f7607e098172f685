"""Any cluster at all, named by a context of the user's own kubeconfig."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import yaml

from .. import _progress, _yaml
from .._config import environment, lookup, settings
from .._exceptions import CommandError, UsageError
from .._exec import run
from ._addresses import is_on_this_machine
from ._foreign import ForeignCluster, Said
from ._provider import Connection, Status
from ._skew import any_kubectl


class KubeconfigProvider:
    """The cluster of the context that ``--context`` names; the current context is never used.

    :raises UsageError: no context was named.
    """

    name = "kubeconfig"

    def __init__(self) -> None:
        self._context = settings().context
        if not self._context:
            raise UsageError(
                "--cluster kubeconfig needs the name of a context",
                seen=_there_are(_contexts()),
                remedy="--context NAME, or LAB_CONTEXT=NAME; the current context is never used",
            )
        up = f"./lab up --cluster kubeconfig --context {shlex.quote(self._context)}"
        self._cluster = ForeignCluster(self.name, folder(self._context), up=up)

    def create(self) -> Connection:
        """Take the cluster up; nothing is changed on it."""
        kubeconfig = _minified(self._context)
        said = (self._cluster.said or Said()).updated()
        if not said.domain:
            said = replace(said, domain=_usual_domain(kubeconfig))
        return self._cluster.take_up(kubeconfig, said)

    def stop(self) -> None:
        """Nothing: whoever made the cluster stops it."""
        _progress.say(f"the cluster of context {self._context} is not the course's to stop")

    def delete(self) -> None:
        """Remove what the course made on the cluster, and the copy of its kubeconfig."""
        self._cluster.delete(self)

    def connection(self) -> Connection:
        return self._cluster.connection()

    def load_images(self, images: Mapping[str, Path]) -> None:
        self._cluster.load_images(images)

    def remove_images(self, references: Sequence[str]) -> None:
        self._cluster.remove_images(references)

    def status(self) -> Status:
        return self._cluster.status()

    def collect_logs(self, target: Path) -> None:
        self._cluster.collect_logs(target)


def folder(context: str) -> Path:
    """Where the copy of a context is kept. Names of clouds have slashes and colons in them."""
    readable = re.sub(r"[^a-z0-9]+", "-", context.lower()).strip("-")[:40]
    unique = sha256(context.encode()).hexdigest()[:8]
    return settings().clusters / f"kubeconfig-{readable}-{unique}"


def _minified(context: str) -> str:
    """The one context, with all that it refers to, as the text of a kubeconfig.

    :raises UsageError: there is none of that name.
    """
    known = _contexts()
    if context not in known:
        raise UsageError(
            f"there is no context {context!r}",
            seen=_there_are(known),
            remedy="one of these, or another file in KUBECONFIG",
        )
    view = ["config", "view", "--minify", "--flatten", "--raw", f"--context={context}"]
    try:
        return _anchored(run([any_kubectl(), *view], env=environment(), timeout=30))
    except CommandError as refused:
        raise UsageError(
            f"the kubeconfig of context {context} cannot be used",
            seen=refused.output,
            remedy=f"kubectl config view --minify --context {shlex.quote(context)} shows it",
        ) from refused


def _anchored(kubeconfig: str) -> str:
    """The same kubeconfig for another folder: what a user's paths are relative to is written out.

    kubectl does that only for certificates.
    """
    content = _yaml.load(kubeconfig)
    for entry in content.get("users") or []:
        user = entry.get("user") or {}
        folders = [path.parent for path in _files() if entry["name"] in _names(path, "users")]
        for place, key in ((user, "tokenFile"), (user.get("exec") or {}, "command")):
            value = str(place.get(key) or "")
            # A command without a slash is looked for on PATH.
            if folders and value and (key == "tokenFile" or "/" in value):
                place[key] = str(folders[0].absolute() / value)
    return _yaml.dump(content)


def _contexts() -> list[str]:
    """The names of all contexts. kubectl is not asked: some ask the current one's server first."""
    return sorted({name for path in _files() for name in _names(path, "contexts")})


def _names(path: Path, kind: str) -> list[str]:
    try:
        content = _yaml.load(path.read_text())
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as unreadable:
        raise UsageError(
            f"the kubeconfig {path} cannot be read",
            seen=str(unreadable),
            remedy="mend it, or name another one in KUBECONFIG",
        ) from None
    try:
        return [str(each["name"]) for each in (content or {}).get(kind) or []]
    except (AttributeError, KeyError, TypeError, ValueError):
        raise UsageError(
            f"{path} is no kubeconfig",
            seen=str(content)[:80],
            remedy="mend it, or name another one in KUBECONFIG",
        ) from None


def _files() -> list[Path]:
    """The kubeconfigs, found as kubectl finds them."""
    named = [Path(each) for each in (lookup("KUBECONFIG") or "").split(os.pathsep) if each]
    return named or [Path.home() / ".kube" / "config"]


def _there_are(contexts: list[str]) -> str:
    files = os.pathsep.join(str(path) for path in _files())
    return f"in {files}: {', '.join(contexts) or 'no context at all'}"


def _usual_domain(kubeconfig: str) -> str:
    """Where pages are if nothing is said: this machine's port 80, if the cluster is on it.

    :raises UsageError: it is not.
    """
    (cluster,) = _yaml.load(kubeconfig)["clusters"]
    server = cluster["cluster"]["server"]
    if is_on_this_machine(server):
        return "localhost"
    raise UsageError(
        "it has to be said where this cluster serves pages",
        seen=f"its API is at {server}",
        remedy="--domain HOST[:PORT], where NAME.HOST leads to its ingress",
    )
