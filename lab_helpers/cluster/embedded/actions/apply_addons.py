"""DNS, storage, ingress, metrics and registry, applied as soon as the API answers."""

from __future__ import annotations

from .... import _manifests, _wait
from ...._config import ROOT
from ...._kubectl import kubectl as run_kubectl
from ....images import CATALOGUE as IMAGES
from .. import api
from ..image_store import ADDON_IMAGES
from ..node import Node

_ADDONS = ROOT / "manifests" / "addons"
_FORWARD_UP = "forward . /etc/resolv.conf"
_NO_SUCH_NAME = "template ANY ANY {\n            rcode NXDOMAIN\n        }"


def apply_addons(node: Node) -> None:
    rendered = _manifests.render(
        _ADDONS,
        kubectl=node.kubectl,
        images={f"lab/{name}": IMAGES[name].reference for name in ADDON_IMAGES},
        values={
            "ingress_port": node.ingress_port,
            "egress": "open" if node.egress else "closed",
            # Without a way out, an outside name must fail at once rather than time out.
            "upstream_dns": _FORWARD_UP if node.egress else _NO_SUCH_NAME,
        },
    )
    _wait.until("the Kubernetes API to answer", lambda: api.get(node, "/readyz"), timeout=60)
    kubectl(node, "apply", "--server-side", "--force-conflicts", "-f", "-", stdin=rendered)


def kubectl(node: Node, *arguments: str, stdin: str | None = None) -> str:
    """Run kubectl as the cluster's administrator."""
    return run_kubectl(node.kubectl, node.kubeconfig, *arguments, stdin=stdin, timeout=60)
