"""What the tests of a running cluster share: objects with blanks, and reading what is served."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from string import Template
from typing import Any

from lab_helpers import _wait
from lab_helpers._config import ROOT
from lab_helpers._exec import run
from lab_helpers._lab import Lab
from lab_helpers.images import CATALOGUE

IMAGE = CATALOGUE["podinfo"].reference
_OBJECTS = Path(__file__).parent / "objects"


def apply(lab: Lab, namespace: str, objects: str, /, **values: object) -> None:
    """Apply ``objects/OBJECTS.yaml`` to a namespace, its blanks filled in."""
    text = Template((_OBJECTS / f"{objects}.yaml").read_text())
    filled = text.substitute(namespace=namespace, image=IMAGE, **values)
    lab.kubectl("apply", "--server-side", "--namespace", namespace, "-f", "-", stdin=filled)


def serve(
    lab: Lab, namespace: str, name: str = "web", *, replicas: int = 1, backend: str = "",
    page: str = "", timeout: float = 60,
) -> None:  # fmt: skip
    """Run podinfo behind a Service and, with ``page``, at ``PAGE.localhost``; wait for it."""
    apply(lab, namespace, "web", name=name, replicas=replicas, backend=backend)
    if page:
        show(lab, namespace, page, service=name)
    # Not for the Deployment to be Available: it counts as that from three quarters of its pods on.
    ready = partial(lab.ready_pods, namespace, f"app={name}")
    lab.wait_until(f"{replicas} ready pods", lambda: len(ready()) == replicas, timeout=timeout)
    if page:
        lab.wait_for_page(page, "/healthz")


def show(
    lab: Lab, namespace: str, host: str, *, service: str = "web", class_name: str = "public"
) -> None:
    """Show a Service at ``HOST.localhost``."""
    given = class_name or "null"
    apply(lab, namespace, "page", name=host, host=host, service=service, **{"class": given})


def post(lab: Lab, page: str, path: str, content: str = "") -> Any:
    """Post to a page and give back its JSON."""
    answer = lab.http.post(lab.url(page, path), content=content)
    answer.raise_for_status()
    return answer.json()


def command(*arguments: str | Path, timeout: float = 60) -> str:
    """Run the course's command line and return what it printed on stdout.

    :raises CommandError: with its exit code and what it said.
    """
    return run([ROOT / "lab", *arguments], timeout=timeout)


def until_gone(what: str, path: Path, *, timeout: float = 30) -> None:
    """Wait until a file or folder is not there any more."""

    def probe() -> None:
        if path.exists():
            raise _wait.NotYet(f"{path} is still there")

    _wait.until(what, probe, timeout=timeout)
