"""What a shell or a notebook's kernel needs to reach a cluster."""

from __future__ import annotations

from ._config import lookup
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
        "LAB_DOMAIN": connection.domain,
        "LAB_INGRESS_PORT": str(connection.ingress_port),
        "LAB_REGISTRY_PORT": str(connection.registry_port),
    }
