"""One embedded node: its folders, addresses and ports, and the record of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ..._config import settings
from ..._files import give_to_owner, read_json, write_json

SERVICE_RANGE = "10.152.183.0/24"
"""The addresses of Services, as on microk8s."""
POD_RANGE = "10.1.0.0/16"
API_SERVICE_ADDRESS = "10.152.183.1"
DNS_ADDRESS = "10.152.183.10"
API_PORT = 16443
REGISTRY_NODE_PORT = 32000

INSIDE = Path("/run/lab")
"""Where the sandbox sees the node's folder: short, and the same whatever the cache is called."""


@dataclass(frozen=True)
class Node:
    """A node's identity, the same over stop and start.

    :ivar name: the cluster's name (``LAB_NAME``).
    :ivar network: the third number of its link's addresses, ``10.153.N.0/24``.
    :ivar ingress_port: the loopback port of its pages on this host.
    :ivar registry_port: the loopback port of its registry on this host.
    :ivar egress: whether it has a way out to the network.
    """

    name: str
    network: int
    ingress_port: int
    registry_port: int
    egress: bool = False

    @property
    def host_address(self) -> str:
        return f"10.153.{self.network}.1"

    @property
    def address(self) -> str:
        """The node's own address, which the host reaches over a veth pair."""
        return f"10.153.{self.network}.2"

    @property
    def pool(self) -> str:
        """Addresses of the link's network that Services of type LoadBalancer get."""
        return f"10.153.{self.network}.128/26"

    @property
    def link(self) -> str:
        """The host's end of that pair."""
        return f"lab-{self.name}"

    @property
    def cgroup(self) -> str:
        return f"lab-{self.name}"

    @property
    def folder(self) -> Path:
        return folder(self.name)

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    @property
    def kubectl(self) -> Path:
        return self.folder / "bin" / "kubectl"

    def with_egress(self, wanted: bool | None) -> Node:
        """The node with a way out or without one; as it was where nothing is asked for."""
        return self if wanted is None else replace(self, egress=wanted)

    def save(self) -> None:
        """Record the node; from then on it exists."""
        record = self.folder / "node.json"
        write_json(record, asdict(self))
        give_to_owner(record)

    @classmethod
    def load(cls, name: str) -> Node | None:
        """The recorded node of that name, or None."""
        record = read_json(folder(name) / "node.json")
        try:
            return None if record is None else cls(**record)
        except TypeError:
            return None


def folder(name: str) -> Path:
    """Where a node keeps everything."""
    return settings().clusters / name
