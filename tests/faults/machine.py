"""This machine, looked at from outside the course: processes, sockets, mounts, routes, files."""

from __future__ import annotations

import json
import math
import os
import re
import socket
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab_helpers._config import environment, settings
from lab_helpers._exec import run
from lab_helpers.cluster.embedded import sandbox
from lab_helpers.cluster.embedded.node import Node
from lab_helpers.packages import packages

PROC = Path("/proc")
CGROUPS = Path("/sys/fs/cgroup")
HOST_FOLDERS = [
    Path(each)
    for each in (
        "/etc/cni", "/etc/containerd", "/etc/containers", "/etc/kubernetes", "/opt/cni",
        "/opt/containerd", "/run/cni", "/run/containerd", "/run/containers", "/run/lab",
        "/run/netns", "/run/runc", "/usr/libexec/kubernetes", "/var/lib/cni",
        "/var/lib/containerd", "/var/lib/containers", "/var/lib/etcd", "/var/lib/kubelet",
        "/var/log/containers", "/var/log/pods", "/var/snap",
    )
]  # fmt: skip
"""Where the components would keep things if they ran on the machine itself."""


class Cluster:
    """The sandbox of a running cluster, seen from outside."""

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def folder(self) -> Path:
        return settings().clusters / self.name

    @property
    def node(self) -> Node:
        node = Node.load(self.name)
        assert node is not None, f"there is no cluster {self.name}"
        return node

    @property
    def init(self) -> int:
        """The first process of the sandbox."""
        pid = sandbox.init_pid(self.node)
        assert pid is not None, f"cluster {self.name} does not run"
        return pid

    def processes(self) -> list[int]:
        """Everything that runs in the sandbox."""
        return descendants(self.init)

    def process(self, name: str) -> int:
        """The process of a service, by the name it was started under."""
        found = [pid for pid in self.processes() if program(pid) == name]
        assert len(found) == 1, f"{len(found)} processes called {name}"
        return found[0]

    def namespaces(self) -> set[str]:
        """The namespaces that the sandbox and its containers have for themselves."""
        found = {link for pid in self.processes() for link in _namespaces(pid)}
        return found - set(_namespaces(os.getpid()))

    def routes(self) -> list[str]:
        """Where the sandbox's own network namespace has routes to."""
        return [route["dst"] for route in self._ip("route")]

    def addresses(self) -> set[str]:
        """The IPv4 addresses of that namespace."""
        return {info["local"] for link in self._ip("address") for info in link["addr_info"]}

    def _ip(self, what: str) -> list[dict[str, Any]]:
        network = f"--net=/proc/{self.init}/ns/net"
        listed = run(
            ["nsenter", network, packages.find("ip"), "-json", "-4", what],
            env=environment(**packages.environment()),
        )
        found: list[dict[str, Any]] = json.loads(listed)
        return found


@dataclass(frozen=True)
class Listener:
    """A socket of this machine's own network that waits for connections."""

    address: str
    port: int
    inode: str

    def held_by(self, pid: int) -> bool:
        with suppress(OSError):
            for handle in (PROC / str(pid) / "fd").iterdir():
                with suppress(OSError):
                    if str(handle.readlink()) == f"socket:[{self.inode}]":
                        return True
        return False


def listeners() -> list[Listener]:
    """Every listening TCP and bound UDP socket of this network namespace."""
    return [*_sockets("tcp", "0A"), *_sockets("tcp6", "0A"), *_sockets("udp"), *_sockets("udp6")]


def _sockets(kind: str, state: str = "") -> Iterator[Listener]:
    for line in (PROC / "net" / kind).read_text().splitlines()[1:]:
        fields = line.split()
        if state in ("", fields[3]):
            address, _, port = fields[1].partition(":")
            yield Listener(_readable(address), int(port, 16), fields[9])


def _readable(address: str) -> str:
    """An address as the kernel prints it: 32-bit words in the machine's byte order."""
    words = [bytes.fromhex(address[i : i + 8])[::-1] for i in range(0, len(address), 8)]
    family = socket.AF_INET if len(words) == 1 else socket.AF_INET6
    return socket.inet_ntop(family, b"".join(words))


def pids() -> list[int]:
    """Processes that have not ended; when their parent takes note of an end is its own matter."""
    numbers = [int(entry.name) for entry in PROC.iterdir() if entry.name.isdecimal()]
    return [pid for pid in numbers if "\nState:\tZ" not in _read(pid, "status")]


def descendants(ancestor: int) -> list[int]:
    """A process and all that it started, and so on."""
    children: dict[int, list[int]] = {}
    for pid in pids():
        children.setdefault(_parent(pid), []).append(pid)
    found = [ancestor]
    for pid in found:
        found += children.get(pid, [])
    return found


def mentioning(text: str) -> list[int]:
    """The processes that were started with this somewhere in their command lines."""
    return [pid for pid in pids() if text in _read(pid, "cmdline")]


def program(pid: int) -> str:
    """The name a process was started under."""
    return Path(_words(pid)[0]).name


def _read(pid: int, name: str) -> str:
    """A file of a process, empty when it has just gone."""
    with suppress(OSError):
        return (PROC / str(pid) / name).read_text(errors="replace")
    return ""


def _words(pid: int) -> list[str]:
    return _read(pid, "cmdline").split("\0")


def _parent(pid: int) -> int:
    found = re.search(r"^PPid:\s+(\d+)", _read(pid, "status"), re.MULTILINE)
    return int(found[1]) if found else 0


def _namespaces(pid: int) -> list[str]:
    found = []
    with suppress(OSError):
        for handle in (PROC / str(pid) / "ns").iterdir():
            with suppress(OSError):
                found.append(str(handle.readlink()))
    return found


def traces(
    name: str, namespaces: set[str] | frozenset[str] = frozenset(), *, before: float = math.inf
) -> list[str]:
    """What is left of a cluster on this machine, one line each.

    :param namespaces: those it had while it ran, from :meth:`Cluster.namespaces`.
    :param before: when it began to be removed, from :func:`uptime`. The kernel gives the number of
        a namespace that is gone to another one; who was started later can only have that.
    """
    folder = settings().clusters / name
    return [
        *_process_traces(name, folder, namespaces, before),
        *_mount_traces(name, namespaces),
        *_network_traces(name),
        *(f"cgroup {path}" for path in _cgroups(name)),
        *([f"folder {folder}"] if folder.exists() else []),
    ]


def _process_traces(
    name: str, folder: Path, namespaces: set[str] | frozenset[str], before: float
) -> Iterator[str]:
    inside = re.compile(rf"{re.escape(str(folder))}(/|$)")
    for pid in pids():
        words = " ".join(_words(pid))
        owner = _owner(pid)
        if owner == name or inside.search(words):
            yield f"process {pid} {words}"
        if owner in ("", name) and _started(pid) < before:
            for each in set(_namespaces(pid)) & namespaces:
                yield f"namespace {each} held by process {pid} {words}"


def uptime() -> float:
    """Seconds since this machine was started."""
    return float((PROC / "uptime").read_text().split()[0])


def _started(pid: int) -> float:
    """When a process was started, in seconds since this machine was; it may have just gone."""
    # After the program's name, which may have spaces and brackets of its own.
    fields = _read(pid, "stat").rpartition(")")[2].split()
    return int(fields[19]) / os.sysconf("SC_CLK_TCK") if fields else math.inf


def _owner(pid: int) -> str:
    """The cluster whose cgroup a process is in."""
    found = re.search(r":/lab-([a-z0-9-]+)(/|$| )", _read(pid, "cgroup"), re.MULTILINE)
    return found[1] if found else ""


def _mount_traces(name: str, namespaces: set[str] | frozenset[str]) -> Iterator[str]:
    ours = re.compile("|".join([rf"/clusters/{name}(/| )", *map(re.escape, namespaces)]))
    seen = {""}
    for pid in pids():
        namespace = next((n for n in _namespaces(pid) if n.startswith("mnt:")), "")
        if namespace in seen or _owner(pid) not in ("", name):
            continue
        seen.add(namespace)
        for line in _read(pid, "mountinfo").splitlines():
            plain = re.sub(r"\\(\d{3})", lambda code: chr(int(code[1], 8)), line)
            if ours.search(plain):
                yield f"mount in process {pid}: {plain}"


def _network_traces(name: str) -> Iterator[str]:
    if (Path("/sys/class/net") / f"lab-{name}").exists():
        yield f"interface lab-{name}"
    for route in routes():
        if f"dev lab-{name} " in f"{route} ":
            yield f"route {route}"


def _cgroups(name: str) -> list[Path]:
    places = [CGROUPS, *(path for path in CGROUPS.iterdir() if path.is_dir())]
    return [place / f"lab-{name}" for place in places if (place / f"lab-{name}").exists()]


def routes() -> list[str]:
    """The routes of this machine."""
    return packages.run("ip", "route", "show", "table", "all").splitlines()


@dataclass(frozen=True)
class Surroundings:
    """What a cluster must leave as it was: firewall rules and files of the machine's own."""

    rules: str
    files: frozenset[str]

    @classmethod
    def now(cls) -> Surroundings:
        """As they are at this moment."""
        return cls(packages.run("nft", "list", "ruleset"), frozenset(_files()))

    def beyond(self, before: Surroundings) -> list[str]:
        """What there is now and was not before, one line each."""
        rules = set(self.rules.splitlines()) - set(before.rules.splitlines())
        return [*(f"rule {line}" for line in rules), *sorted(self.files - before.files)]


def _files() -> Iterator[str]:
    for folder in HOST_FOLDERS:
        if folder.exists():
            yield from (str(path) for path in (folder, *folder.iterdir()))
    yield from (str(path) for path in Path(tempfile.gettempdir()).glob("lab-*"))
