"""wrk, which sends requests from inside the cluster's network, and costs next to no CPU itself.

A client in Python would be slower than what it is to measure. From inside, a pod and what stands
before it are equally far.
"""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass
from pathlib import Path

from lab_helpers import Lab, LabError, _progress
from lab_helpers._apt import Apt, release, unpack
from lab_helpers._artifacts import Artifact, digest
from lab_helpers._files import remove_tree
from lab_helpers.cluster.embedded import sandbox
from lab_helpers.cluster.embedded.node import Node

_SCRIPT = Path(__file__).parent / "objects" / "call.lua"
SECONDS = 4


@dataclass(frozen=True)
class Measured:
    """What wrk has counted.

    :ivar median_ms: half of the answers came sooner.
    :ivar rps: answers in a second.
    """

    median_ms: float
    p95_ms: float
    rps: float


def artifact() -> Artifact:
    """wrk and its libraries, from the distribution's packages."""
    key = digest("1", release(), platform.machine())
    return Artifact("wrk", "unpack wrk (nothing is installed)", key, _unpack)


def _unpack(folder: Path, step: _progress.Step) -> None:
    apt = Apt(folder / "apt")
    for deb in apt.fetch(["wrk"], step):
        unpack(deb, folder)
    remove_tree(apt.folder)


def call(node: Node, url: str, *, clients: int, host: str = "", script: Path = _SCRIPT) -> Measured:
    """Call a function again and again from inside the sandbox's network.

    :param host: the host name that is asked for, if it is not the address's.
    :param script: says in Lua what is sent.
    :raises LabError: not every call was answered with success.
    """
    root = artifact().build()
    libraries = root / "usr/lib" / f"{platform.machine()}-linux-gnu"
    header = ["-H", f"Host: {host}"] if host else []
    said = sandbox.enter(
        node,
        ["env", f"LD_LIBRARY_PATH={libraries}", root / "usr/bin/wrk", "--threads=1",
         f"--connections={clients}", f"--duration={SECONDS}s", "--timeout=30s",
         f"--script={script}", *header, url],
        "net",
    )  # fmt: skip
    found = json.loads(said.strip().splitlines()[-1])
    if found.pop("lost") or not found.pop("answers"):
        raise LabError(f"calls of {url} were lost", seen=said)
    return Measured(**found)


def pod_address(lab: Lab, namespace: str, service: str, *, port: str = "http") -> str:
    """A pod behind a Service, so that no way is longer by kube-proxy's rules.

    :param port: its name; another one is taken where there is none of that name.
    """
    selector = f"kubernetes.io/service-name={service}"
    for each in lab.get("endpointslices", namespace=namespace, selector=selector)["items"]:
        ports = {known["name"]: known["port"] for known in each["ports"]}
        for endpoint in each["endpoints"] or []:
            if endpoint["conditions"]["ready"]:
                number = ports.get(port) or next(iter(ports.values()))
                return f"http://{endpoint['addresses'][0]}:{number}"
    raise LabError(f"nobody serves {service} in {namespace}")
