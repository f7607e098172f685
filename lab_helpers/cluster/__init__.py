"""Where clusters come from."""

from __future__ import annotations

from ._provider import Connection, Provider, Status

__all__ = ["PROVIDERS", "Connection", "Provider", "Status", "provider"]


PROVIDERS = ("embedded", "microk8s", "kubeconfig")


def provider() -> Provider:
    """The provider that the settings name: ``--cluster`` or ``LAB_CLUSTER``.

    :raises UsageError: there is none of that name, or what it must know was not said.
    """
    from .._config import settings
    from .._exceptions import UsageError

    match settings().cluster:
        case "embedded":
            from .embedded.provider import EmbeddedProvider

            return EmbeddedProvider()
        case "microk8s":
            from .microk8s import MicroK8sProvider

            return MicroK8sProvider()
        case "kubeconfig":
            from .kubeconfig import KubeconfigProvider

            return KubeconfigProvider()
        case other:
            raise UsageError(f"no provider {other!r}", remedy=f"one of {', '.join(PROVIDERS)}")
