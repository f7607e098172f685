"""The folders of functions: the course's, and those that a learner makes of templates."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .. import _sources, functions, stack, templates
from .._config import settings
from .._exceptions import LabError, UsageError
from .._files import give_to_owner, remove_tree
from ..functions import Function
from ..images import REGISTRY
from ..stack import Deployment, Resources, Stack

TEMPLATES = "templates"
"""Below a learner's folder: templates of their own, and so no name for a function."""
_MEMORY = "192Mi"
"""What a new function gets at most: enough for each of the course's templates."""


@dataclass(frozen=True)
class Folders:
    """Where functions are looked for, a learner's own before the course's.

    :ivar own: the folder of the learner's functions.
    """

    own: Path

    @classmethod
    def of(cls, learner: str) -> Folders:
        name = f"functions-{learner}" if learner else "functions"
        return cls(settings().build / name)

    def find(self, name: str) -> Function:
        """A function by its name.

        :raises UsageError: there is none of that name.
        """
        if name in self.names():
            return Function(name, self.own)
        if name not in functions.all_functions():
            known = sorted({*functions.all_functions(), *self.names()})
            raise UsageError(
                f"there is no folder of a function {name!r}",
                remedy=f"one of {', '.join(known)}; or faas.new({name!r}, lang)",
            )
        return functions.find(name)

    def names(self) -> list[str]:
        """The learner's own functions."""
        found = self.own.iterdir() if self.own.is_dir() else ()
        folders = {path.name for path in found if path.is_dir()}
        return sorted(name for name in folders - {TEMPLATES} if not name.startswith("."))

    def new(self, name: str, lang: str, *, chapter: str = "", exist_ok: bool = False) -> Path:
        """Begin a function with what its template has for that.

        :param chapter: what the function is labelled with, so that a clean-up finds it.
        :param exist_ok: leave one that is there as it is.
        :returns: its folder.
        :raises UsageError: the name cannot be one, is taken, or there is no such template.
        """
        described = _beginning(name, lang, chapter)
        folder = self.own / name
        template = templates.find(lang, self.own / TEMPLATES)
        if folder.exists():
            if exist_ok:
                return folder
            raise UsageError(
                f"there is a function {name} already", remedy=f"another name, or remove {folder}"
            )
        # Hidden until it is whole, however this is interrupted.
        unfinished = self.own / f".{name}"
        remove_tree(unfinished)
        _sources.copy(template.beginning, unfinished)
        described.save(unfinished / stack.FILE)
        unfinished.rename(folder)
        give_to_owner(self.own)
        return folder

    def set_aside(self, name: str) -> None:
        """Make room for another function of that name; what was there is kept, hidden, once."""
        folder, aside = self.own / name, self.own / f".{name}.before"
        if folder.is_dir() and name in self.names():
            remove_tree(aside)
            folder.rename(aside)


def _beginning(name: str, lang: str, chapter: str) -> Stack:
    from ..course import LABEL

    described = Deployment(
        lang=lang,
        handler=".",
        image=f"{REGISTRY}/lab/{name}:latest",
        labels={LABEL: chapter} if chapter else {},
        limits=Resources(memory=_MEMORY),
    )
    try:
        if name == TEMPLATES:
            raise ValueError("taken for templates")
        return Stack(functions={name: described})
    except ValueError as wrong:
        raise UsageError(
            f"{name!r} cannot be the name of a function",
            remedy="up to 63 lower-case letters, digits and dashes, starting with a letter",
        ) from wrong


def deployment(function: Function) -> Deployment:
    """What a function's ``stack.yml`` says.

    :raises LabError: there is none, or it asks for what the course decides.
    """
    said = function.deployment
    if said is None:
        raise LabError(
            f"the function {function.name} has no {stack.FILE}, so OpenFaaS cannot deploy it",
            remedy="docs/add-a-function.md says what belongs into one",
        )
    if said.namespace not in ("", "openfaas-fn"):
        raise LabError(
            f"the function {function.name} asks for the namespace {said.namespace}",
            remedy="leave it out: functions go to openfaas-fn, or to the learner's own",
        )
    return said


def image(function: Function) -> str:
    """The full name of a function's image, as on the course's own cluster.

    As with ``faas-cli --tag digest``, the tag says what the image was made of. With one tag for all
    versions, a learner could deploy what another one has pushed meanwhile.

    An image of another registry is none of ours, and stays as it is called.
    """
    name = deployment(function).image
    if not is_ours(name):
        return name
    tagged = name if ":" in name.rpartition("/")[2] else f"{name}:latest"
    return f"{tagged}-{function.artifact.key}"


def is_ours(name: str) -> bool:
    """Whether an image is of the registry that functions are pushed to."""
    return name.startswith(f"{REGISTRY}/")


def shown(path: Path) -> str:
    """A path as it is written in a command: relative to where the command would be given."""
    return os.path.relpath(path)


def request(function: Function, *, image: str, namespace: str, labels: dict[str, str]) -> Any:
    """What the gateway is asked to deploy, as JSON.

    :param labels: added to those of the ``stack.yml``.
    """
    said = deployment(function)
    asked = {
        "service": function.name,
        "image": image,
        "namespace": namespace,
        "envVars": environment(function),
        "constraints": list(said.constraints),
        "secrets": list(said.secrets),
        "labels": {**said.labels, **labels},
        "annotations": said.annotations,
        "limits": said.limits.model_dump(exclude_defaults=True),
        "requests": said.requests.model_dump(exclude_defaults=True),
        "readOnlyRootFilesystem": said.readonly_root_filesystem,
    }
    return {key: value for key, value in asked.items() if value}


def environment(function: Function) -> dict[str, str]:
    """The variables that a function gets; a file's come before those that stand in ``stack.yml``.

    :raises LabError: a file with variables is missing, or is none.
    """
    said = deployment(function)
    variables = dict(said.environment)
    for name in said.environment_file:
        path = function.folder / name
        try:
            given = yaml.load(path.read_text(), yaml.BaseLoader)["environment"]  # noqa: S506
            variables.update({str(key): str(value) for key, value in given.items()})
        except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as wrong:
            raise LabError(
                f"{shown(path)} gives {function.name} no variables",
                seen=f"{type(wrong).__name__}: {wrong}",
                remedy="a file with `environment:` and `NAME: value` below it",
            ) from wrong
    return variables
