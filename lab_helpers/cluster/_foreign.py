"""A cluster that is not the course's own: looked at, used, and left as it was found."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from rich.markup import escape

from .. import _progress
from .._config import settings
from .._exceptions import CommandError, LabError, UsageError, tail
from .._files import give_to_owner, locked, read_json, remove_tree, write, write_json
from .._kubectl import kubectl as run_kubectl
from . import _addresses, _look, _registry, _skew
from ._provider import Connection, Provider, Status

OURS = "lab.serverless/"
"""How labels begin that say an object is the course's."""
PART_OF = ("app.kubernetes.io/part-of", "lab-course")
"""The label of what the course remembers."""
LEARNER = "lab.serverless/learner"
NEVER = ("default", "kube-node-lease", "kube-public", "kube-system")
"""Namespaces that are never removed, whatever their labels say."""


@dataclass(frozen=True)
class Said:
    """What was said about a cluster. It is kept, so that it need not be said again.

    :ivar domain: ``HOST[:PORT]`` of its pages.
    :ivar registry: where images made here are pushed; empty for nowhere.
    :ivar images: ``built``, ``upstream``, or empty for what the registry suggests.
    """

    domain: str = ""
    registry: str = ""
    images: str = ""

    def updated(self) -> Said:
        """With what is said now."""
        now = settings()
        given = {"domain": now.domain, "registry": now.registry, "images": now.images}
        return replace(self, **{name: value for name, value in given.items() if value})


@dataclass(frozen=True)
class _Record:
    """What is known of a cluster that was taken up.

    :ivar server: the version its API server has.
    :ivar missing: what the chapters use and the cluster lacks.
    """

    said: Said
    server: str
    missing: list[str]


class ForeignCluster:
    """A cluster that somebody else made, reached through a kubeconfig of one context.

    :param provider: the name of the provider that found it.
    :param folder: where its kubeconfig and its kubectl are kept.
    :param up: the command that takes it up.
    """

    def __init__(self, provider: str, folder: Path, *, up: str) -> None:
        self.provider = provider
        self.folder = folder
        self.up = up

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    @property
    def program(self) -> Path:
        """kubectl, in a folder with nothing else in it, to be put on a PATH."""
        return self.folder / "bin" / "kubectl"

    @property
    def said(self) -> Said | None:
        """What was said when it was taken up, or None where it never was."""
        record = self._record()
        return None if record is None else record.said

    def take_up(self, kubeconfig: str, said: Said) -> Connection:
        """Look whether a cluster can be used and remember how to reach it.

        :param kubeconfig: the text of a kubeconfig with one context.
        :raises LabError: it does not answer, is too old, or does not let this user do enough.
        """
        connection = self._connection(said)
        with self._locked():
            self._take_up(kubeconfig, said, connection)
        return connection

    def _take_up(self, kubeconfig: str, said: Said, connection: Connection) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        candidate = self.folder / "kubeconfig.new"
        try:
            write(candidate, kubeconfig, mode=0o600)
            server = _look.examine(candidate)
            _skew.link_to(_skew.fitting_kubectl(server), self.program)
            missing = [*_look.lacks(candidate, self.program), *_look.no_answer(connection)]
            candidate.rename(self.kubeconfig)
        finally:
            candidate.unlink(missing_ok=True)
            with suppress(OSError):
                # Nothing is left of what could not be taken up; else the folder is not empty.
                self.folder.rmdir()
        record = _Record(said, server, missing)
        write_json(self.folder / "cluster.json", asdict(record), mode=0o600)
        give_to_owner(self.folder.parent, below=False)
        give_to_owner(self.folder)
        _progress.say(f"Kubernetes {server}, reached with {self.program.readlink()}")
        for lack in missing:
            _progress.say(f"[yellow]missing:[/yellow] {escape(lack)}")

    def _locked(self) -> AbstractContextManager[None]:
        lock = self.folder.with_name(f".{self.folder.name}.lock")
        return locked(lock, f"the cluster kept in {self.folder}")

    def connection(self) -> Connection:
        """How to reach it, with what is said now before what was said when it was taken up.

        :raises LabError: it was never taken up.
        """
        said = self.said
        if said is None or not self.kubeconfig.exists():
            raise LabError("this cluster is not connected to the course yet", remedy=self.up)
        return self._connection(said.updated())

    def _connection(self, said: Said) -> Connection:
        pages = _addresses.pages(said.domain)
        registry = _addresses.registry(said.registry) if said.registry else ""
        images = said.images or ("built" if registry else "upstream")
        if images == "built" and not registry:
            raise UsageError(
                "images that are built here need a registry to get to the cluster",
                remedy="--registry HOST[:PORT], one that this machine and the cluster both reach",
            )
        return Connection(
            provider=self.provider,
            kubeconfig=self.kubeconfig,
            domain=pages.host,
            ingress_port=pages.port,
            registry=registry,
            registry_address=registry,
            kubectl=self.program,
            images=images,
        )

    def load_images(self, images: Mapping[str, Path]) -> None:
        registry = self.connection().registry
        if not images:
            return
        if not registry:
            raise LabError(
                "there is no way for images made here to the cluster",
                seen=", ".join(images),
                remedy=f"{self.up} --registry HOST[:PORT], one that this machine and the cluster "
                "both reach under that name",
            )
        _registry.load(images, registry)

    def remove_images(self, references: Sequence[str]) -> None:
        registry = self.connection().registry
        if references and registry:
            _registry.remove(references, registry)

    def status(self) -> Status:
        record = self._record()
        if record is None or not self.kubeconfig.exists():
            return Status("absent")
        try:
            self._kubectl("get", "--raw", "/readyz", "--request-timeout=3s", timeout=5)
        except CommandError as refused:
            return Status("broken", tail(refused.output, 1) or refused.what)
        lacks = f", without {'; '.join(record.missing)}" if record.missing else ""
        return Status("running", f"Kubernetes {record.server}{lacks}")

    def delete(self, provider: Provider) -> None:
        """Remove what the course made there, then the knowledge of how to reach it.

        :param provider: the provider whose cluster this is.
        :raises LabError: the cluster does not answer, so that nothing can be removed.
        """
        with self._locked():
            if self._record() is not None:
                self._remove_own(provider)
            remove_tree(self.folder)

    def _remove_own(self, provider: Provider) -> None:
        learner = settings().learner
        try:
            if not learner:
                # With several learners, the others may be using them.
                _disable_components(provider)
            if own := self.namespaces(learner):
                with _progress.step(f"delete {', '.join(own)}"):
                    self._kubectl("delete", "namespace", *own, "--ignore-not-found", "--wait",
                                  "--timeout=300s", timeout=320)  # fmt: skip
        except CommandError as refused:
            raise LabError(
                "what the course made on the cluster could not be removed",
                seen=str(refused),
                remedy="start the cluster and run it again; if it is gone for good: "
                f"rm -r {self.folder}",
            ) from refused

    def namespaces(self, learner: str = "") -> list[str]:
        """The namespaces that the course made, or those of one learner.

        :raises CommandError: they cannot be listed.
        """
        listed = json.loads(self._kubectl("get", "namespaces", "--output=json"))["items"]
        labels = {each["metadata"]["name"]: each["metadata"].get("labels", {}) for each in listed}
        return [
            name
            for name, given in labels.items()
            if name not in NEVER and _is_ours(given) and learner in ("", given.get(LEARNER))
        ]

    def collect_logs(self, target: Path) -> None:
        """Objects, events and pod logs of the course's own namespaces, of no others."""
        target.mkdir(parents=True, exist_ok=True)
        record = self._record()
        if record is None:
            return
        write(target / "cluster.json", json.dumps(asdict(record), indent=2) + "\n")
        with suppress(CommandError):
            if own := self.namespaces():
                self._kubectl("cluster-info", "dump", f"--namespaces={','.join(own)}",
                              f"--output-directory={target / 'cluster'}")  # fmt: skip
            events = [
                self._kubectl("get", "events", f"--namespace={name}", "--sort-by=.lastTimestamp")
                for name in own
            ]
            write(target / "events.txt", "\n".join(events) + "\n")

    def _kubectl(self, *arguments: str, timeout: float = 120) -> str:
        return run_kubectl(self.program, self.kubeconfig, *arguments, timeout=timeout)

    def _record(self) -> _Record | None:
        found = read_json(self.folder / "cluster.json")
        try:
            return None if found is None else _Record(**{**found, "said": Said(**found["said"])})
        except (TypeError, KeyError):
            return None


def _is_ours(labels: Mapping[str, str]) -> bool:
    return PART_OF in labels.items() or any(label.startswith(OURS) for label in labels)


def _disable_components(provider: Provider) -> None:
    """Disable what was enabled, those first that no other one needs."""
    from ..components import declaration, disable, enabled, names

    while known := enabled(provider.connection()).keys() & set(names()):
        needed = {need for name in known for need in declaration(name).needs}
        for name in sorted(known - needed):
            disable(provider, name)
