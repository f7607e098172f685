"""Configuration files and service folders, written anew at every start."""

from __future__ import annotations

import base64
from pathlib import Path
from string import Template

from ...._files import give_to_owner, remove_tree, write
from ....images import CATALOGUE as IMAGES
from ..node import API_PORT, DNS_ADDRESS, POD_RANGE, Node
from ..services import write_services

_TEMPLATES = Path(__file__).parent.parent / "etc"
_SLIRP_NAMESERVER = "10.0.2.3"
_NOBODY = "127.0.0.1"


def write_configuration(node: Node) -> None:
    for folder in ("artifacts", "logs"):
        (node.folder / folder).mkdir(parents=True, exist_ok=True)
    for private in ("etcd", "kubelet", "storage"):
        (node.folder / private).mkdir(parents=True, exist_ok=True, mode=0o700)
    remove_tree(node.folder / "services")
    write_services(node)
    _write_files(node)
    for user in ("kube-controller-manager", "kube-scheduler", "kube-proxy"):
        _write_kubeconfig(node, user, node.folder / "etc" / f"{user}.kubeconfig")
    _write_kubeconfig(node, "kubelet-client", node.folder / "etc" / "kubelet.kubeconfig")
    _write_kubeconfig(node, "admin", node.kubeconfig)
    give_to_owner(node.kubeconfig)


def _write_files(node: Node) -> None:
    values = {
        "address": node.address,
        "cgroup": node.cgroup,
        "dns": DNS_ADDRESS,
        "nameserver": _SLIRP_NAMESERVER if node.egress else _NOBODY,
        "pause": IMAGES["pause"].reference,
        "pods": POD_RANGE,
    }
    targets = {
        "containerd.toml": "containerd.toml",
        "kubelet.yaml": "kubelet.yaml",
        "kube-proxy.yaml": "kube-proxy.yaml",
        "pods.conflist": "cni/10-pods.conflist",
        "registry-hosts.toml": "certs.d/localhost:32000/hosts.toml",
        "resolv.conf": "resolv.conf",
    }
    for source, target in targets.items():
        text = Template((_TEMPLATES / source).read_text()).substitute(values)
        write(node.folder / "etc" / target, text)
    write(node.folder / "etc" / "sandbox.sh", (_TEMPLATES / "sandbox.sh").read_text())


def _write_kubeconfig(node: Node, user: str, target: Path) -> None:
    pki = node.folder / "pki"
    template = Template((_TEMPLATES / "kubeconfig.yaml").read_text())
    text = template.substitute(
        context=f"lab-{node.name}",
        user=user,
        server=f"https://{node.address}:{API_PORT}",
        ca=_encoded(pki / "ca.crt"),
        certificate=_encoded(pki / f"{user}.crt"),
        key=_encoded(pki / f"{user}.key"),
    )
    write(target, text, mode=0o600)


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
