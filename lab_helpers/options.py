"""The options that say which cluster a command is about."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer

from ._config import export

OPTIONS = {
    "cluster": ("LAB_CLUSTER", "Where the cluster comes from: embedded, microk8s, kubeconfig."),
    "context": ("LAB_CONTEXT", "With kubeconfig: the context to use; there is no default."),
    "registry": ("LAB_REGISTRY", "With kubeconfig: a registry, HOST[:PORT], for images made here."),
    "domain": ("LAB_DOMAIN", "With kubeconfig: pages are at NAME.DOMAIN; HOST[:PORT]."),
}
"""What says which cluster a command is about, each with the variable that says it for a shell."""


def on_a_cluster(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that name a cluster. What it starts finds them as variables."""

    @wraps(command)
    def with_options(**given: Any) -> None:
        said = {OPTIONS[name][0]: given.pop(name) for name in OPTIONS}
        export(**{variable: value for variable, value in said.items() if value})
        command(**given)

    own = inspect.signature(command, eval_str=True).parameters.values()
    added = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[str | None, typer.Option(envvar=variable, help=explained)],
        )
        for name, (variable, explained) in OPTIONS.items()
    ]
    signature = inspect.Signature([*own, *added])
    with_options.__signature__ = signature  # type: ignore[attr-defined]
    with_options.__annotations__ = {p.name: p.annotation for p in (*own, *added)}
    return with_options
