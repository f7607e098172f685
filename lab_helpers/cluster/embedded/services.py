"""The node's processes: what each is started with. runit supervises them.

Every service is a folder with a ``run`` script, as runit wants it, and a ``log/run`` beside it
that keeps its output in files of bounded size.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from ..._files import write
from .node import API_PORT, INSIDE, POD_RANGE, REGISTRY_NODE_PORT, SERVICE_RANGE, Node

_PKI = INSIDE / "pki"
_ETC = INSIDE / "etc"
_BIN = INSIDE / "bin"

KUBERNETES = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
)
_LOCAL_ONLY = (
    # Health and metrics on loopback, for bearers of a certificate of the cluster's authority;
    # a look-up in an API that is still starting would end the process.
    "--bind-address=127.0.0.1",
    f"--client-ca-file={_PKI}/ca.crt",
    "--authentication-skip-lookup",
)
SEVEN = ("etcd", *KUBERNETES, "containerd")
"""The processes a node cannot do without."""


def commands(node: Node) -> dict[str, list[str]]:
    """Each service's command line, as the sandbox sees it."""
    table = {
        "etcd": _etcd(),
        "containerd": ["containerd", "--config", f"{_ETC}/containerd.toml"],
        "kube-apiserver": _apiserver(node),
        "kube-controller-manager": _controller_manager(),
        "kube-scheduler": _scheduler(),
        "kubelet": _kubelet(node),
        "kube-proxy": [f"{_BIN}/kube-proxy", f"--config={_ETC}/kube-proxy.yaml",
                       f"--hostname-override=lab-{node.name}"],
        "forward": _forward(node),
    }  # fmt: skip
    if node.egress:
        table["egress"] = _egress()
    return table


def write_services(node: Node) -> None:
    """Write the service folders for the supervisor."""
    for name, command in commands(node).items():
        folder = node.folder / "services" / name
        run = f"#!/bin/sh\nexec 2>&1\nexec {shlex.join(command)}\n"
        log = INSIDE / "logs" / name
        keep = f"#!/bin/sh\nmkdir -p {log}\nexec svlogd {log}\n"
        write(folder / "run", run, mode=0o755)
        write(folder / "log" / "run", keep, mode=0o755)


def has_egress(node: Node) -> bool:
    """Whether the node was started with a way out."""
    return (node.folder / "services" / "egress").exists()


def links(programs: dict[str, Path]) -> dict[str, Path]:
    """What ``bin`` links to: one Kubernetes program under each of its names.

    :param programs: folders of built programs by name, as the sandbox sees them.
    """
    kubernetes = programs["kubernetes"] / "kubernetes"
    named = dict.fromkeys(KUBERNETES, kubernetes)
    return {**named, "etcd": programs["etcd"] / "etcd", "forward": programs["forward"] / "forward"}


def _etcd() -> list[str]:
    # TLS both ways even on loopback: a pod on the node's network is on that loopback too.
    return [
        f"{_BIN}/etcd",
        "--name=node",
        f"--data-dir={INSIDE}/etcd",
        "--listen-client-urls=https://127.0.0.1:2379",
        "--advertise-client-urls=https://127.0.0.1:2379",
        "--listen-peer-urls=https://127.0.0.1:2380",
        "--initial-advertise-peer-urls=https://127.0.0.1:2380",
        "--initial-cluster=node=https://127.0.0.1:2380",
        "--client-cert-auth",
        f"--trusted-ca-file={_PKI}/etcd-ca.crt",
        f"--cert-file={_PKI}/etcd.crt",
        f"--key-file={_PKI}/etcd.key",
        "--peer-client-cert-auth",
        f"--peer-trusted-ca-file={_PKI}/etcd-ca.crt",
        f"--peer-cert-file={_PKI}/etcd.crt",
        f"--peer-key-file={_PKI}/etcd.key",
        "--auto-compaction-retention=1h",
        "--log-level=warn",
    ]


def _apiserver(node: Node) -> list[str]:
    return [
        f"{_BIN}/kube-apiserver",
        f"--advertise-address={node.address}",
        f"--secure-port={API_PORT}",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        "--allow-privileged",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--profiling=false",
        f"--client-ca-file={_PKI}/ca.crt",
        f"--tls-cert-file={_PKI}/apiserver.crt",
        f"--tls-private-key-file={_PKI}/apiserver.key",
        "--etcd-servers=https://127.0.0.1:2379",
        f"--etcd-cafile={_PKI}/etcd-ca.crt",
        f"--etcd-certfile={_PKI}/apiserver-etcd-client.crt",
        f"--etcd-keyfile={_PKI}/apiserver-etcd-client.key",
        "--kubelet-preferred-address-types=InternalIP",
        f"--kubelet-certificate-authority={_PKI}/ca.crt",
        f"--kubelet-client-certificate={_PKI}/apiserver-kubelet-client.crt",
        f"--kubelet-client-key={_PKI}/apiserver-kubelet-client.key",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={_PKI}/service-accounts.pub",
        f"--service-account-signing-key-file={_PKI}/service-accounts.key",
        f"--requestheader-client-ca-file={_PKI}/front-proxy-ca.crt",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-username-headers=X-Remote-User",
        f"--proxy-client-cert-file={_PKI}/front-proxy-client.crt",
        f"--proxy-client-key-file={_PKI}/front-proxy-client.key",
    ]


def _controller_manager() -> list[str]:
    return [
        f"{_BIN}/kube-controller-manager",
        f"--kubeconfig={_ETC}/kube-controller-manager.kubeconfig",
        *_LOCAL_ONLY,
        # Its dozens of controllers each fetch a token first; the usual limit spreads that out
        # over seconds.
        "--kube-api-qps=500",
        "--kube-api-burst=1000",
        # One node, one copy: an election would only delay the start.
        "--leader-elect=false",
        "--use-service-account-credentials",
        f"--root-ca-file={_PKI}/ca.crt",
        f"--service-account-private-key-file={_PKI}/service-accounts.key",
        f"--cluster-signing-cert-file={_PKI}/ca.crt",
        f"--cluster-signing-key-file={_PKI}/ca.key",
        "--profiling=false",
    ]


def _scheduler() -> list[str]:
    return [
        f"{_BIN}/kube-scheduler",
        f"--kubeconfig={_ETC}/kube-scheduler.kubeconfig",
        *_LOCAL_ONLY,
        "--leader-elect=false",
        "--profiling=false",
    ]


def _kubelet(node: Node) -> list[str]:
    return [
        f"{_BIN}/kubelet",
        f"--config={_ETC}/kubelet.yaml",
        f"--kubeconfig={_ETC}/kubelet.kubeconfig",
        f"--root-dir={INSIDE}/kubelet",
        f"--cert-dir={INSIDE}/pki",
        f"--hostname-override=lab-{node.name}",
        f"--node-ip={node.address}",
        "--node-labels=microk8s.io/cluster=true,lab.serverless/provider=embedded",
    ]


def _forward(node: Node) -> list[str]:
    """Listens on the host's loopback, where the browser is, though it runs in the sandbox."""
    return [
        "nsenter", "--net=/run/host.net", "--", f"{_BIN}/forward",
        f"127.0.0.1:{node.ingress_port}={node.address}:{node.ingress_port}",
        f"127.0.0.1:{node.registry_port}={node.address}:{REGISTRY_NODE_PORT}",
    ]  # fmt: skip


def _egress() -> list[str]:
    """A way out through a user-space network stack in the host's namespace, no rules needed."""
    attach = (
        "nft add table ip egress && "
        "nft add chain ip egress out '{ type nat hook postrouting priority 100; }' && "
        f"nft flush chain ip egress out && "
        f"nft add rule ip egress out ip saddr {POD_RANGE} oifname tap0 masquerade && "
        f'mount --bind {_ETC}/host-resolv.conf "$(realpath -m /etc/resolv.conf)" && '
        "exec nsenter --net=/run/host.net -- slirp4netns --configure --mtu=1500 "
        "--disable-host-loopback --netns-type=path /run/node.net tap0"
    )
    return ["unshare", "--mount", "sh", "-c", attach]
