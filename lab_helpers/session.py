"""What a shell or a notebook's kernel needs to reach a cluster."""

from __future__ import annotations

from ._config import lookup, settings
from ._kubectl import variables as kubectl_variables
from .cluster import Connection


def variables(connection: Connection) -> dict[str, str]:
    """Environment variables that connect what runs with them.

    ``KUBECONFIG`` names a file with one context, so that no other context is ever used by
    accident; ``PATH`` finds the kubectl of the cluster's version first.
    """
    folder = str(connection.kubectl.parent)
    path = [part for part in (lookup("PATH") or "").split(":") if part != folder]
    return {
        "KUBECONFIG": str(connection.kubeconfig),
        "PATH": ":".join([folder, *path]),
        **kubectl_variables(),
        "LAB_CLUSTER": connection.provider,
        **_named(),
    }


def _named() -> dict[str, str]:
    """What was said about a cluster that is not the course's own."""
    here = settings()
    said = {
        "LAB_NAME": here.name,
        "LAB_CONTEXT": here.context,
        "LAB_REGISTRY": here.registry,
        "LAB_DOMAIN": here.domain,
        "LAB_IMAGES": here.images,
        "LAB_LEARNER": here.learner,
    }
    return {name: value for name, value in said.items() if value}
