"""From an empty folder to a function that serves."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx

from .. import stack
from .._exceptions import LabError, UsageError
from ..builders import builder
from ..builds import ensure
from ..functions import Function
from . import folders, registry, rollout
from .access import Access
from .commands import show
from .folders import Folders, shown
from .gateway import Refused


class Making(Access):
    """Functions are begun, built, pushed and deployed."""

    @cached_property
    def _folders(self) -> Folders:
        return Folders.of(self._lab.learner)

    def new(
        self, name: str, lang: str, *, exist_ok: bool = False, anew: bool = False
    ) -> Path:  # fmt: skip
        """Begin a function from a template, in a folder of one's own, and return the folder.

        :param exist_ok: leave one that is there as it is.
        :param anew: begin again where there is one; the last one that was there is kept beside it.
        :raises UsageError: the name cannot be one or is taken, or there is no such template.
        """
        show("faas-cli", "new", name, "--lang", lang)
        if anew:
            self._folders.set_aside(name)
        folder = self._folders.new(name, lang, chapter=self._lab.chapter, exist_ok=exist_ok)
        return Path(shown(folder))

    def build(self, name: str) -> str:
        """Make a function's image where it is missing, and return its name.

        :raises LabError: it cannot be built; says in which file and line the code is broken.
        """
        function = self._folders.find(name)
        _show("build", function)
        ensure(function.artifacts)
        return self._image(function)

    def push(self, name: str) -> str:
        """Push a function's image to the cluster's registry, and return its name.

        It is built first where it is missing.

        :raises LabError: there is no registry, it is not reached, or the image is another one's.
        """
        function = self._folders.find(name)
        literal = folders.image(function)
        if not folders.is_ours(literal):
            raise UsageError(
                f"the image {literal} is not ours to push", remedy="faas.deploy() uses it as it is"
            )
        _show("push", function)
        ensure(function.artifacts)
        address = self._lab._registry()
        builder().push(function.reference, function.archive, name=literal, address=address)
        return self._image(function)

    def deploy(
        self, name: str, *, environment: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None, timeout: float = 90,
    ) -> str:  # fmt: skip
        """Deploy a function as its ``stack.yml`` says, and return its address when it serves.

        Changed pods replace the old ones; nothing changes where nothing has changed.

        :param environment: variables that depend on the cluster, in place of those in the file.
        :param annotations: the same for annotations.
        :param timeout: seconds until it has to serve.
        :raises LabError: it was not pushed, is refused, or does not start; says why.
        """
        function = self._folders.find(name)
        asked = folders.request(
            function, image=self._pinned(function), namespace=self.namespace, labels=self._labels
        )
        if environment:
            asked["envVars"] = {**asked.get("envVars", {}), **environment}
        if annotations:
            asked["annotations"] = {**asked.get("annotations", {}), **annotations}
        added = self._labels.items() - asked_for(function).items()
        _show("deploy", function, *(f"--label={key}={value}" for key, value in sorted(added)),
              *(f"--env={key}={value}" for key, value in (environment or {}).items()),
              *(f"--annotation={key}={value}" for key, value in (annotations or {}).items()),
              *self._space.flags)  # fmt: skip
        self._space.ensure()
        self._ask_for(asked)
        rollout.wait(self._lab, name, self.namespace, timeout=timeout)
        return self.url(name)

    def up(
        self, name: str, *, environment: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
    ) -> str:  # fmt: skip
        """Build, push and deploy a function, and return its address when it serves.

        :param environment: variables that depend on the cluster, in place of those in the file.
        :param annotations: the same for annotations.
        """
        self.build(name)
        self.push(name)
        return self.deploy(name, environment=environment, annotations=annotations)

    def _image(self, function: Function) -> str:
        """The image's name as the cluster calls it."""
        return self._lab._place.image(folders.image(function))

    def _pinned(self, function: Function) -> str:
        """The image's name with its digest, if it is one of ours."""
        literal = folders.image(function)
        if not folders.is_ours(literal):
            return literal
        digest = registry.digest(literal, address=self._lab._registry())
        return f"{self._image(function)}@{digest}" if digest else self._image(function)

    def _ask_for(self, asked: dict[str, Any]) -> None:
        """Ask for a change, as faas-cli does, and for something new where nothing is there."""
        for method in ("PUT", "POST"):
            try:
                self.gateway.ask(method, "functions", content=asked)
            except Refused as refused:
                if method == "PUT" and refused.status == httpx.codes.NOT_FOUND:
                    continue
                raise _explained(asked, refused) from refused
            return


def asked_for(function: Function) -> dict[str, str]:
    """The labels that a function's ``stack.yml`` asks for."""
    return folders.deployment(function).labels


def _show(step: str, function: Function, *flags: str) -> None:
    path = shown(function.folder / stack.FILE)
    show("faas-cli", step, "-f", path, "--filter", function.name, "--tag", "digest", *flags)


def _explained(asked: dict[str, Any], refused: Refused) -> LabError:
    remedy = f"correct the {stack.FILE} of {asked['service']}, and deploy it again"
    missing = [name for name in asked.get("secrets", []) if name in refused.seen]
    if "secret" in refused.seen.lower() and missing:
        remedy = f"faas.secret({missing[0]!r}, value), and deploy it again"
    return LabError(f"{asked['service']} is not deployed", seen=refused.seen, remedy=remedy)
