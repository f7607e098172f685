"""What all of OpenFaaS's methods start from: the gateway, and whose functions they are about."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Any, Self

from .._exceptions import CommandError, LabError
from ..course import LABEL
from . import SYSTEM
from .gateway import Gateway
from .metrics import Prometheus
from .space import Space

if TYPE_CHECKING:
    from .._lab import Lab


class Access:
    """The gateway, as one learner uses it.

    :ivar gateway: its API.
    :ivar prometheus: what it has counted.
    """

    def __init__(self, lab: Lab, gateway: Gateway) -> None:
        self.gateway = gateway
        self._lab = lab
        self._space = Space(lab, gateway)
        address = lab.with_port(f"http://prometheus.{lab.connection.domain}", "")
        self.prometheus = Prometheus(lab.http, address)

    @classmethod
    def on(cls, lab: Lab) -> Self:
        """OpenFaaS on this lab's cluster.

        :raises LabError: it is not there.
        """
        try:
            found = lab.get("secret", "basic-auth", namespace=SYSTEM)["data"]
        except CommandError as missing:
            raise LabError(
                "OpenFaaS is not on this cluster",
                seen=missing.output,
                remedy="lab.enable('openfaas'), or ./lab enable openfaas",
            ) from missing
        user, password = (
            b64decode(found[f"basic-auth-{part}"]).decode() for part in ("user", "password")
        )
        # One gateway for all learners: its address has nobody's prefix.
        address = lab.with_port(f"http://gateway.{lab.connection.domain}", "")
        return cls(lab, Gateway(lab.http, address, user, password))

    def __repr__(self) -> str:
        return f"<OpenFaaS at {self.gateway.address}, functions in {self.namespace}>"

    @property
    def namespace(self) -> str:
        """Where the functions run."""
        return self._space.name

    def url(self, name: str, path: str = "") -> str:
        """The address at which a function is called, the same for browsers and pods."""
        return f"{self.gateway.address}{self._space.path('function', name, path)}"

    def _status(self, name: str) -> dict[str, Any]:
        """What the gateway says of a function.

        :raises LabError: there is no such function.
        """
        found = self.gateway.status(name, self.namespace) if self._space.known() else None
        if found is None:
            raise LabError(
                f"no function {name} is deployed in {self.namespace}",
                remedy=f"faas.up({name!r}), or faas.list() to see what there is",
            )
        return found

    @property
    def _labels(self) -> dict[str, str]:
        """What everything of this chapter is labelled with."""
        return {LABEL: self._lab.chapter} if self._lab.chapter else {}
