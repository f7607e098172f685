"""What is deployed is changed: more pods or fewer, secrets, and none of it any more."""

from __future__ import annotations

from base64 import b64encode

import httpx

from .._exceptions import UsageError
from . import rollout
from .access import Access
from .commands import show
from .gateway import Refused

MOST = 5
"""The Community Edition's gateway gives a function no more pods than this."""


class Changing(Access):
    """Functions are scaled and removed, and given secrets."""

    def scale(self, name: str, replicas: int, *, timeout: float = 60) -> None:
        """Give a function so many pods, and wait until they serve.

        :param replicas: up to 5, as the Community Edition has it. With 0, the next call brings
            one back.
        :raises UsageError: another number.
        :raises LabError: there is no such function, or its pods do not start; says why.
        """
        if not 0 <= replicas <= MOST:
            raise UsageError(
                f"{name} cannot have {replicas} pods", remedy=f"from 0 to {MOST}, which is the "
                "most that OpenFaaS's Community Edition allows",
            )  # fmt: skip
        self._status(name)
        if replicas:
            asked = {"serviceName": name, "replicas": replicas, "namespace": self.namespace}
            address = f"{self.gateway.address}/system/scale-function/{name}"
            show("curl", "-u", "admin:$PASSWORD", f"{address}?namespace={self.namespace}", "-d",
                 f'{{"serviceName": "{name}", "replicas": {replicas}}}')  # fmt: skip
            self.gateway.ask(
                "POST", f"scale-function/{name}", content=asked, namespace=self.namespace
            )
        else:
            # The gateway makes one of none; its own way to none are alerts that have passed.
            scaling = ("scale", f"deployment/{name}", "--replicas=0", "-n", self.namespace)
            show("kubectl", *scaling)
            self._lab.kubectl(*scaling)
        rollout.wait(self._lab, name, self.namespace, timeout=timeout)

    def remove(self, name: str, *, timeout: float = 90) -> None:
        """Remove a function, and wait until its last pod has ended.

        :raises LabError: there is no such function.
        """
        self._begin_to_remove(name)
        rollout.wait_until_gone(self._lab, name, self.namespace, timeout=timeout)

    def _begin_to_remove(self, name: str) -> None:
        """Remove a function, whose pods end in their own time.

        :raises LabError: there is no such function.
        """
        show("faas-cli", "remove", name, *self._space.flags)
        self._status(name)
        asked = {"functionName": name, "namespace": self.namespace}
        self.gateway.ask("DELETE", "functions", content=asked, namespace=self.namespace)

    def secret(self, name: str, value: str | bytes) -> None:
        """Keep a secret for functions; one of the same name gets the new value.

        Functions that name it in their ``stack.yml`` have it as a file below
        ``/var/openfaas/secrets``.

        :raises Refused: the gateway refuses the name.
        """
        # Neither a notebook nor a terminal should keep the value.
        show("faas-cli", "secret", "create", name, "--from-literal", "…", "--replace",
             *self._space.flags)  # fmt: skip
        self._space.ensure()
        asked = {"name": name, "namespace": self.namespace}
        if isinstance(value, str):
            asked["value"] = value
        else:
            asked["rawValue"] = b64encode(value).decode()
        try:
            self.gateway.ask("PUT", "secrets", content=asked)
        except Refused as refused:
            if refused.status != httpx.codes.NOT_FOUND:
                raise
            self.gateway.ask("POST", "secrets", content=asked)
        labels = [f"{key}={each}" for key, each in self._labels.items()]
        if labels:
            # OpenFaaS has no labels for secrets; a clean-up goes by them.
            self._lab.kubectl(
                "label", "secret", name, *labels, "--overwrite", "--namespace", self.namespace
            )

    def remove_secret(self, name: str) -> None:
        """Remove a secret.

        :raises Refused: there is none of that name.
        """
        show("faas-cli", "secret", "remove", name, *self._space.flags)
        asked = {"name": name, "namespace": self.namespace}
        self.gateway.ask("DELETE", "secrets", content=asked)

    def clean_up(self) -> None:
        """Remove this chapter's functions and secrets, and the learner's namespace if it is empty.

        :raises UsageError: this lab is of no chapter.
        """
        if not self._labels:
            raise UsageError("this lab is of no chapter", remedy='connect(chapter="03")')
        if not self._space.known():
            return
        functions = self._of_this_chapter("deployments", rollout.LABEL)
        for name in functions:
            self._begin_to_remove(name)
        # Their pods end side by side.
        for name in functions:
            rollout.wait_until_gone(self._lab, name, self.namespace, timeout=90)
        for name in self._of_this_chapter("secrets"):
            self.remove_secret(name)
        self._space.remove_if_empty()

    def _of_this_chapter(self, kind: str, *also: str) -> tuple[str, ...]:
        """The names of objects that have this chapter's label."""
        selector = ",".join([*(f"{key}={value}" for key, value in self._labels.items()), *also])
        found = self._lab.get(kind, namespace=self.namespace, selector=selector)["items"]
        return tuple(each["metadata"]["name"] for each in found)
