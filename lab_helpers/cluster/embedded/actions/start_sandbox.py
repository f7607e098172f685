"""The sandbox with its supervisor, and the link to it."""

from __future__ import annotations

from pathlib import Path

from ....packages import packages
from .. import sandbox
from ..node import Node


def start_sandbox(node: Node) -> None:
    sandbox.make_cgroups(node)
    sandbox.start(node)
    _link(node)


def _link(node: Node) -> None:
    """A veth pair: the only way between the host and the node, with no route beyond it."""
    init = sandbox.init_pid(node)
    _ip("link", "add", node.link, "type", "veth", "peer", "name", "eth0", "netns", str(init))
    # No link-local chatter: the pair has the two addresses below and nothing else.
    switch = Path(f"/proc/sys/net/ipv6/conf/{node.link}/disable_ipv6")
    if switch.exists():
        switch.write_text("1")
    _ip("address", "add", f"{node.host_address}/24", "dev", node.link)
    _ip("link", "set", node.link, "up")
    ip = packages.find("ip")
    sandbox.enter(node, [ip, "address", "add", f"{node.address}/24", "dev", "eth0"], "net")
    sandbox.enter(node, [ip, "link", "set", "eth0", "up"], "net")
    _answer_for_services(node)


def _answer_for_services(node: Node) -> None:
    """Have the node answer for the addresses of Services of type LoadBalancer.

    They are of the link's own network, so the host asks for them on the link and needs no route. By
    the route below they are behind the node; so it says that they are its own, and what comes is
    kube-proxy's. To an address that no Service has, nothing leads.
    """
    ip = packages.find("ip")
    sandbox.enter(node, [ip, "route", "add", node.pool, "dev", "services"], "net")
    # At once: usually an answer on behalf of others is put off by up to a second.
    settings = {"neigh/eth0/proxy_delay": 0, "conf/eth0/proxy_arp": 1}
    for name, value in settings.items():
        sandbox.enter(node, ["sh", "-c", f"echo {value} >/proc/sys/net/ipv4/{name}"])


def _ip(*arguments: str) -> None:
    packages.run("ip", *arguments)
