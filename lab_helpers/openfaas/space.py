"""The namespace of a learner's functions: what it is called, and that it is there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .. import _manifests, _wait
from .._config import ROOT
from . import FUNCTIONS
from .gateway import Gateway

if TYPE_CHECKING:
    from .._lab import Lab


class Space:
    """A namespace of functions.

    :ivar name: ``openfaas-fn``, with the learner's prefix where there is one.
    """

    def __init__(self, lab: Lab, gateway: Gateway) -> None:
        self.name = lab.name(FUNCTIONS)
        self._lab = lab
        self._gateway = gateway

    @property
    def _own(self) -> bool:
        return bool(self._lab.learner)

    @property
    def flags(self) -> tuple[str, ...]:
        """What faas-cli has to be told of it; nothing where it is the default one."""
        return ("-n", self.name) if self._own else ()

    def path(self, kind: str, function: str, path: str = "") -> str:
        """Where the gateway serves a function: ``/KIND/FUNCTION[.NAMESPACE][/PATH]``."""
        full = f"{function}.{self.name}" if self._own else function
        below = f"/{path.lstrip('/')}" if path else ""
        return f"/{kind}/{full}{below}"

    def known(self) -> bool:
        """Whether OpenFaaS knows it."""
        return self.name in self._gateway.namespaces()

    def ensure(self) -> None:
        """Make it where it is a learner's own and not there yet."""
        if not self._own or self.known():
            return
        folder = _manifests.placed(
            ROOT / "manifests" / Path("course", "functions"), self._lab._place
        )
        self._lab.kubectl("apply", "--server-side", "--kustomize", folder)

        def probe() -> None:
            if not self.known():
                raise _wait.NotYet(f"it knows {', '.join(self._gateway.namespaces())}")

        _wait.until(f"OpenFaaS to know the namespace {self.name}", probe, timeout=20)

    def remove_if_empty(self) -> None:
        """Remove a learner's own, unless there is still something of theirs in it."""
        if not self._own:
            return
        kinds = "deployments,services,secrets,pods"
        if not self._lab.get(kinds, namespace=self.name)["items"]:
            self._lab.delete("namespace", self.name)
