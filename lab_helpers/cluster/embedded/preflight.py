"""What this machine must allow before a node is made: found out in a second, said in a line."""

from __future__ import annotations

import ipaddress
import json
import platform
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ... import _wait
from ..._config import settings
from ..._exceptions import CommandError, LabError, Unsupported, WaitTimeout
from ..._exec import as_root, run
from ..._files import locked
from ...packages import packages
from .node import Node

INGRESS_PORT = 8080
REGISTRY_PORT = 32000
_ALTERNATIVES = (
    "./lab on a Debian or Ubuntu machine, or a virtual one (WSL2 on Windows, Multipass or Lima on "
    "macOS), as root or with sudo; the notebooks can be read anywhere"
)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    :ivar remedy: what mends it; empty when it is as it should be.
    """

    what: str
    ok: bool
    seen: str
    remedy: str = ""


def _finding(what: str, ok: bool, seen: str, remedy: str = "") -> Finding:
    return Finding(what, ok, seen, "" if ok else remedy)


def findings() -> Iterator[Finding]:
    """Everything the embedded cluster needs from this machine, in the order it is needed."""
    yield _finding("Linux", platform.system() == "Linux", platform.system(), _ALTERNATIVES)
    if platform.system() != "Linux":
        return
    machine = platform.machine()
    yield _finding("an x86-64 processor", machine == "x86_64", machine, _ALTERNATIVES)
    yield _root()
    yield _packages()
    yield _namespaces()
    yield _cgroups()
    for name in ("overlay", "veth", "nf_tables"):
        yield _kernel(name)


def check() -> None:
    """Refuse what cannot work, before anything is made.

    :raises Unsupported: with what was seen and what works instead.
    """
    for finding in findings():
        if not finding.ok:
            raise Unsupported(
                f"the embedded cluster needs {finding.what}",
                seen=finding.seen,
                remedy=finding.remedy,
            )


def _root() -> Finding:
    try:
        run(as_root(["true"]))
    except (Unsupported, CommandError) as refused:
        return _finding("root", False, refused.seen or refused.what, _ALTERNATIVES)
    return _finding("root", True, "root" if settings().is_root else "sudo")


def _packages() -> Finding:
    found = shutil.which("apt-get") is not None
    return _finding(
        "apt-get (Debian or Ubuntu)", found, "found" if found else "none", _ALTERNATIVES
    )


_ISOLATED = ("unshare", "--mount", "--pid", "--uts", "--ipc", "--net", "--fork", "--mount-proc")


def _namespaces() -> Finding:
    try:
        run(as_root([*_ISOLATED, "mount", "-t", "tmpfs", "tmpfs", "/run"]), timeout=10)
    except CommandError as refused:
        remedy = "run outside a container, or in one that is privileged; " + _ALTERNATIVES
        return _finding("Linux namespaces and mounts", False, refused.output.strip(), remedy)
    return _finding("Linux namespaces and mounts", True, "allowed")


def _cgroups() -> Finding:
    root = Path("/sys/fs/cgroup")
    version = 2 if (root / "cgroup.controllers").exists() else 1
    usable = version == 2 or (root / "memory").is_dir()
    return _finding("cgroups", usable, f"version {version}", "mount /sys/fs/cgroup")


def _kernel(name: str) -> Finding:
    """A kernel feature, built in or loadable."""
    release = platform.release()
    present = Path(f"/sys/module/{name}").exists() or _built_in(name, release)
    seen = "there" if present else "not to be told before it is used"
    return _finding(f"the kernel's {name}", present or not _tellable(release), seen,
                   f"modprobe {name}, or another kernel")  # fmt: skip


def _tellable(release: str) -> bool:
    return Path(f"/lib/modules/{release}/modules.builtin").exists()


def _built_in(name: str, release: str) -> bool:
    folder = Path(f"/lib/modules/{release}")
    lists = [folder / "modules.builtin", folder / "modules.dep"]
    return any(f"/{name}.ko" in each.read_text() for each in lists if each.exists())


def allocate(name: str) -> Node:
    """Choose addresses and ports that nobody uses, and record the node.

    :raises LabError: every candidate is taken.
    """
    with locked(settings().clusters / "allocate.lock", "choosing addresses"):
        known = Node.load(name)
        if known is not None:
            return known
        others = [n for n in map(Node.load, _names()) if n is not None]
        node = Node(
            name,
            network=_free_network({n.network for n in others}),
            ingress_port=free_port(INGRESS_PORT, {n.ingress_port for n in others}),
            registry_port=free_port(REGISTRY_PORT, {n.registry_port for n in others}),
        )
        node.save()
        return node


def keep_ports(node: Node) -> Node:
    """The node with other ports where somebody took its own while it was stopped."""
    with locked(settings().clusters / "allocate.lock", "choosing ports"):
        others = [n for n in map(Node.load, _names()) if n is not None and n.name != node.name]
        kept = replace(
            node,
            ingress_port=free_port(node.ingress_port, {n.ingress_port for n in others}),
            registry_port=free_port(node.registry_port, {n.registry_port for n in others}),
        )
        kept.save()
    return kept


def _names() -> list[str]:
    return [p.name for p in settings().clusters.iterdir() if p.is_dir()]


def _free_network(taken: set[int]) -> int:
    """A third number N for which no route of the host touches 10.153.N.0/24."""
    used = [network for network, _ in _routes()]
    for number in range(256):
        if number not in taken and not any(_link(number).overlaps(network) for network in used):
            return number
    raise LabError(
        "no free network for the cluster's link in 10.153.0.0/16",
        seen=f"{len(used)} routes on this host",
        remedy="./lab down the clusters that are not needed (LAB_NAME=NAME ./lab down)",
    )


def require_network(node: Node) -> None:
    """See that nobody has taken a stopped node's network; its certificates name its addresses.

    :raises LabError: a cluster of another cache has it, or somebody else; says by which link.
    """

    def probe() -> None:
        links = {link for net, link in _routes() if net.overlaps(_link(node.network))}
        # The link of a node that has just ended goes a moment after it.
        if others := links - {node.link}:
            raise _wait.NotYet(", ".join(sorted(others)))

    try:
        _wait.until("the node's network to be free", probe, timeout=5)
    except WaitTimeout as taken:
        raise LabError(
            f"cluster {node.name} cannot start: its network {_link(node.network)} is in use",
            seen=f"routes to {taken.last}",
            remedy="stop the cluster that has it (LAB_CACHE=… LAB_NAME=… ./lab stop), or make this "
            "one anew: ./lab down, ./lab up",
        ) from taken


def _link(number: int) -> ipaddress.IPv4Network:
    return ipaddress.IPv4Network(f"10.153.{number}.0/24")


def _routes() -> Iterator[tuple[ipaddress.IPv4Network, str]]:
    """What this machine has routes to, and by which link."""
    for route in json.loads(packages.run("ip", "-json", "route", "show", "table", "all")):
        if _is_ipv4(route["dst"]):
            network = ipaddress.IPv4Network(route["dst"], strict=False)
            # Half of everything, or all of 10/8, is somebody's VPN; the link's own is closer.
            if network.prefixlen > 8:
                yield network, route.get("dev", "")


def _is_ipv4(destination: str) -> bool:
    return destination != "default" and ":" not in destination


def free_port(preferred: int, taken: set[int]) -> int:
    """The preferred loopback port or the next free one above it.

    :raises LabError: none of a hundred is free.
    """
    for port in range(preferred, preferred + 100):
        if port not in taken and is_free(port):
            return port
    raise LabError(
        f"no free port on 127.0.0.1 from {preferred} to {preferred + 99}",
        remedy="end what listens there (ss -ltnp)",
    )


def is_free(port: int) -> bool:
    """Whether nothing listens on a port, on loopback or on every address."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
