"""OpenFaaS's API as the tests use it: plain requests, without the course's own client."""

from __future__ import annotations

import secrets
import shutil
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from lab_helpers import Lab
from lab_helpers.functions import FUNCTIONS, Function

from .support import apply, command

HANDLER = Path(__file__).parent / "objects" / "probe.py"
STACK = """version: 1.0
provider: {name: openfaas, gateway: http://gateway.localhost:8080}
functions:
  probe: {lang: python3-http, handler: ., image: localhost:32000/lab/probe:latest}
"""


def push_probe(lab: Lab, folder: Path, handler: Path = HANDLER) -> str:
    """Push a function that does what its query says, or another, and return its image's name."""
    (folder / "probe").mkdir()
    (folder / "templates").symlink_to(FUNCTIONS / "templates")
    (folder / "probe" / "stack.yml").write_text(STACK)
    shutil.copy(handler, folder / "probe" / "handler.py")
    address = lab.connection.registry_address
    return lab._place.image(Function("probe", folder).push(address=address))


@dataclass(frozen=True)
class Api:
    """The gateway with its password, and a namespace of functions of the test's own."""

    lab: Lab
    address: str
    auth: tuple[str, str] | None
    namespace: str

    def ask(self, method: str, path: str, json: Any = None, **query: str | int) -> httpx.Response:
        """Ask the system's part of the API."""
        return self.lab.http.request(
            method, f"{self.address}/system/{path}", json=json, auth=self.auth, timeout=60,
            params={"namespace": self.namespace, **query},
        )  # fmt: skip

    def done(self, method: str, path: str, json: Any = None, **query: str | int) -> httpx.Response:
        """Ask for something that must succeed."""
        answer = self.ask(method, path, json, **query)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer

    def deploy(self, name: str, image: str, *, method: str = "POST", **changes: Any) -> None:
        """Deploy a function and wait until all of its pods are of this version."""
        asked = {"service": name, "image": image, "namespace": self.namespace, **changes}
        assert self.done(method, "functions", asked).status_code == httpx.codes.ACCEPTED
        self.lab.wait_until(f"{name} to be complete", lambda: self.complete(name))

    def complete(self, name: str) -> bool:
        found = self.lab.get("deployment", name, namespace=self.namespace)
        status, replicas = found["status"], found["spec"]["replicas"]
        return (
            status.get("observedGeneration", 0) >= found["metadata"]["generation"]
            and status.get("updatedReplicas", 0) == status.get("availableReplicas", 0) == replicas
            and status.get("replicas", 0) == replicas
        )

    def scale(self, name: str, replicas: int) -> None:
        self.done("POST", f"scale-function/{name}", {"serviceName": name, "replicas": replicas})
        self.lab.wait_until(f"{name} to have {replicas} pods", lambda: self.complete(name))

    def status(self, name: str) -> dict[str, Any]:
        said: dict[str, Any] = self.done("GET", f"function/{name}").json()
        return said

    def url(self, name: str, path: str = "") -> str:
        return f"{self.address}/function/{name}.{self.namespace}{path}"

    def call(self, name: str, path: str = "", method: str = "POST", **more: Any) -> httpx.Response:
        return self.lab.http.request(method, self.url(name, path), timeout=60, **more)

    def names(self) -> list[str]:
        return [each["name"] for each in self.done("GET", "functions").json()]


@contextmanager
def openfaas(lab: Lab) -> Iterator[Api]:
    """OpenFaaS, and a namespace of functions, which is gone soon afterwards."""
    command("enable", "openfaas", timeout=300)
    namespace = f"test-{secrets.token_hex(4)}"
    apply(lab, namespace, "functions")
    yield Api(lab, lab.with_port(f"http://gateway.{lab.connection.domain}", ""),
              credentials(lab), namespace)  # fmt: skip
    # Its functions drain, which nobody need wait for.
    lab.kubectl("delete", "namespace", namespace, "--wait=false")


def credentials(lab: Lab) -> tuple[str, str]:
    kept = lab.get("secret", "basic-auth", namespace="openfaas")["data"]
    user, password = (b64decode(kept[f"basic-auth-{each}"]) for each in ("user", "password"))
    return user.decode(), password.decode()
