"""``stack.yml``, in OpenFaaS's own format: what functions are made of and how they are deployed.

All values are kept as the text that stands in the file, as OpenFaaS does: ``yes`` or ``0755`` in
an environment is handed to the function just so.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from . import _yaml
from ._config import ROOT
from ._exceptions import LabError
from ._files import write

FILE = "stack.yml"
_NAME = r"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$"
"""A function becomes a Service, whose name is a label of DNS."""
_REMEDY = "docs/add-a-function.md has the keys that a stack.yml can have"


def _nothing_is(empty: type[Any]) -> BeforeValidator:
    """A key with nothing after its colon counts as one that is not there."""
    return BeforeValidator(lambda value: empty() if value in ("", None) else value)


Texts = Annotated[dict[str, str], _nothing_is(dict)]
Names = Annotated[tuple[str, ...], _nothing_is(tuple)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Provider(_Strict):
    """Who runs the functions.

    :ivar name: always ``openfaas``.
    :ivar gateway: where faas-cli finds it; the course asks the cluster instead.
    """

    name: Annotated[str, Field(pattern="^openfaas$")] = "openfaas"
    gateway: str = "http://gateway.localhost:8080"


class Resources(_Strict):
    """Quantities as Kubernetes writes them, such as ``128Mi`` and ``50m``; empty for none."""

    memory: str = ""
    cpu: str = ""


class Deployment(_Strict):
    """One function.

    :ivar lang: the template that it is built with.
    :ivar handler: the folder of its files, relative to the ``stack.yml``.
    :ivar image: its image's full name.
    :ivar environment: variables of its process.
    :ivar environment_file: files with more variables, ``environment: {NAME: VALUE}`` in YAML.
    :ivar secrets: names of secrets, each a file below ``/var/openfaas/secrets``.
    :ivar limits: what it gets at most; ``requests`` is what is kept free for it.
    :ivar constraints: labels that its node must have, ``KEY=VALUE``.
    :ivar namespace: where it is deployed; empty for the default one.
    """

    lang: Annotated[str, Field(min_length=1)]
    handler: Annotated[str, Field(min_length=1)]
    image: Annotated[str, Field(min_length=1)]
    environment: Texts = {}
    environment_file: Names = ()
    secrets: Names = ()
    annotations: Texts = {}
    labels: Texts = {}
    limits: Resources = Resources()
    requests: Resources = Resources()
    constraints: Names = ()
    readonly_root_filesystem: bool = False
    namespace: str = ""


class Stack(_Strict):
    """A ``stack.yml``.

    :ivar functions: what it deploys, by name.
    """

    version: Annotated[str, Field(pattern=r"^1\.0$")] = "1.0"
    provider: Provider = Provider()
    functions: dict[Annotated[str, Field(pattern=_NAME)], Deployment] = Field(min_length=1)

    def save(self, path: Path) -> None:
        """Write it, without what says nothing."""
        functions = {
            name: each.model_dump(mode="json", exclude_defaults=True)
            for name, each in self.functions.items()
        }
        head = self.model_dump(mode="json", exclude={"functions"})
        write(path, _yaml.dump({**head, "functions": functions}))


def load(path: Path) -> Stack:
    """Read a ``stack.yml``.

    :raises LabError: there is none, or it says what cannot be used; the error has the path of
        every key that is wrong.
    """
    shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    try:
        # Every scalar as its text: YAML's own ideas of numbers and booleans stay out of it.
        return Stack.model_validate(yaml.load(path.read_text(), yaml.BaseLoader))  # noqa: S506
    except FileNotFoundError:
        raise LabError(f"there is no {shown}", remedy=_REMEDY) from None
    except yaml.YAMLError as wrong:
        raise LabError(f"{shown} is not YAML", seen=str(wrong)) from wrong
    except ValidationError as wrong:
        seen = "\n".join(_complaint(each) for each in wrong.errors())
        raise LabError(f"{shown} cannot be used", seen=seen, remedy=_REMEDY) from wrong


def _complaint(error: Any) -> str:
    """One line for one wrong key: its path, and what is wrong with it."""
    key = ".".join(str(part) for part in error["loc"] if part != "[key]") or "the file"
    known = {"extra_forbidden": "unknown key", "missing": "is missing"}
    return f"{key}: {known.get(error['type'], error['msg'])}"
