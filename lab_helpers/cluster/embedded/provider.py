"""The embedded cluster: a real single-node Kubernetes in one set of Linux namespaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from secrets import token_hex

from ... import _progress, _wait
from ..._artifacts import require_space
from ..._config import settings
from ..._exceptions import CommandError, LabError, WaitTimeout
from ..._exec import PYTHON, as_root, call, run
from ..._files import locked, remove_tree, write
from ...builds import build_foundation
from ...images import REGISTRY
from .._provider import Connection, Status
from . import preflight, sandbox
from .actions import CREATE
from .actions.apply_addons import kubectl
from .actions.wait_until_ready import events, is_ready, wait_until_ready
from .node import INSIDE, Node, folder
from .runtime import ctr, image_digests, import_archive, remove_images
from .services import has_egress


class EmbeddedProvider:
    """A cluster of this machine's own.

    :param cluster: its name; that in ``LAB_NAME`` where none is given.
    """

    name = "embedded"

    def __init__(self, cluster: str = "") -> None:
        self._cluster = cluster or settings().name

    def create(self) -> Connection:
        """Build what is missing, then make or start the node; return when it is ready."""
        if self._quickly_ready():
            return self.connection()
        preflight.check()
        build_foundation()
        require_space(1)
        self._privileged("create")
        return self.connection()

    def stop(self) -> None:
        if self._node() is not None:
            self._privileged("stop")

    def delete(self) -> None:
        if folder(self._cluster).exists():
            self._privileged("delete")

    def connection(self) -> Connection:
        node = self._node()
        if node is None or sandbox.init_pid(node) is None:
            raise LabError(f"cluster {self._cluster} does not run", remedy="./lab up")
        return Connection(
            provider=self.name,
            kubeconfig=node.kubeconfig,
            domain="localhost",
            ingress_port=node.ingress_port,
            registry=REGISTRY,
            registry_address=f"localhost:{node.registry_port}",
            kubectl=node.kubectl,
            images=settings().images or "built",
            pool=node.pool,
        )

    def load_images(self, images: Mapping[str, Path]) -> None:
        node = self._require()
        present = image_digests(node)
        for reference, archive in images.items():
            if reference not in present:
                _load(node, archive)

    def remove_images(self, references: Sequence[str]) -> None:
        remove_images(self._require(), references)

    def status(self) -> Status:
        node = self._node()
        if node is None:
            return Status("absent")
        if sandbox.init_pid(node) is None:
            return Status("stopped")
        problem = is_ready(node)
        return Status("broken", problem) if problem else Status("running")

    def collect_logs(self, target: Path) -> None:
        """Process logs, objects, events and pod logs; what cannot be had is left out."""
        node = self._node()
        if node is None:
            return
        for log in (node.folder / "logs").rglob("*"):
            if log.is_file() and log.name in ("current", "sandbox.log"):
                copy = target / "node" / f"{log.parent.name}-{log.name}"
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(log.read_bytes())
        with suppress(CommandError):
            kubectl(node, "cluster-info", "dump", "--all-namespaces",
                    f"--output-directory={target / 'cluster'}")  # fmt: skip
        (target / "events.txt").write_text(events(node) + "\n")

    def _node(self) -> Node | None:
        return Node.load(self._cluster)

    def _require(self) -> Node:
        node = self._node()
        if node is None:
            raise LabError(f"there is no cluster {self._cluster}", remedy="./lab up")
        return node

    def _quickly_ready(self) -> bool:
        node = self._node()
        return node is not None and _serves(node)

    def _privileged(self, operation: str) -> None:
        """Do what needs root: here, or in a process that sudo starts."""
        if settings().is_root:
            OPERATIONS[operation](self._cluster)
            return
        module = [*PYTHON, "-m", "lab_helpers.cluster.embedded", operation]
        here = settings()
        variables = {
            "LAB_NAME": self._cluster,
            "LAB_CACHE": str(here.cache.parent),
            "LAB_EGRESS": "" if here.egress is None else str(int(here.egress)),
            "PYTHONPATH": str(here.root),
            # Root must not leave files in the clone that its owner cannot remove.
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        if call(as_root(module, **variables)) != 0:
            raise LabError(f"could not {operation} the cluster; the lines above say why")


def _load(node: Node, archive: Path) -> None:
    hand_over = node.folder / "containerd" / f"incoming-{token_hex(4)}.tar"
    run(as_root(["cp", archive, hand_over]))
    try:
        import_archive(node, INSIDE / "containerd" / hand_over.name)
    finally:
        remove_tree(hand_over)


def create(name: str) -> None:
    """Run the list of actions under the cluster's lock."""
    with _locked(name):
        node = preflight.allocate(name).with_egress(settings().egress)
        if _serves(node):
            return
        if sandbox.init_pid(node) is not None:
            if _recovers(node):
                return
            # It does not answer, or has another way out than is asked for: begin again from
            # what is on disk.
            _end(node)
        sandbox.kill(node)
        preflight.require_network(node)
        node = preflight.keep_ports(node)
        if _progress_of(node):
            write(node.folder / _PROGRESS, "starting")
        else:
            # It was never ready, so there is nothing to keep: least of all a database that was
            # cut off while it was made.
            remove_tree(node.folder / "etcd")
        for action in CREATE:
            with _progress.step(action.__name__.replace("_", " ")):
                action(node)
        write(node.folder / _PROGRESS, "ready")


def _serves(node: Node) -> bool:
    """Whether it runs as it should, so that there is nothing to do."""
    return sandbox.init_pid(node) is not None and _is_whole(node) and not is_ready(node)


def _progress_of(node: Node) -> str:
    """How far its last start came: empty where none ever came to its end."""
    try:
        return (node.folder / _PROGRESS).read_text()
    except FileNotFoundError:
        return ""


def _is_whole(node: Node) -> bool:
    """Whether its last start came to an end, with the way out that is asked for now."""
    return _progress_of(node) == "ready" and settings().egress in (None, has_egress(node))


def _recovers(node: Node) -> bool:
    """Whether a node that was whole is ready again in a moment: a busy machine is no reason to
    end what runs on it."""
    if not _is_whole(node):
        return False
    try:
        with _progress.step("wait for the cluster to answer again"):
            wait_until_ready(node, timeout=20)
    except WaitTimeout:
        return False
    return True


def stop(name: str) -> None:
    """End the workloads, then the processes, in an order in which nothing is lost."""
    with _locked(name):
        node = Node.load(name)
        if node is not None and sandbox.init_pid(node) is not None:
            _end(node)


def _end(node: Node) -> None:
    with _progress.step("stop the workloads"):
        # Without the kubelet nobody starts again what is asked to end.
        _services(node, "down", *STATELESS)
        _services(node, "kill", *STATELESS)
        with suppress(LabError):
            _stop_containers(node)
    with _progress.step("stop the node"):
        _services(node, "force-stop", "etcd")
        sandbox.kill(node)


def _services(node: Node, command: str, *names: str) -> None:
    """Have the supervisor do something with services; one that is not there is no matter."""
    with suppress(CommandError):
        folders = [INSIDE / "services" / name for name in names]
        sandbox.enter(node, ["sv", command, *folders])


def _stop_containers(node: Node) -> None:
    """Ask every container to end, as a shutting-down machine would, and wait a little."""
    for container in ctr(node, "tasks", "list", "--quiet").split():
        with suppress(CommandError):
            ctr(node, "tasks", "kill", "--signal", "SIGTERM", container)

    def ended() -> None:
        listed = ctr(node, "tasks", "list")
        if "RUNNING" in listed:
            raise _wait.NotYet(listed)

    with suppress(LabError):
        _wait.until("the containers to end", ended, timeout=GRACE)


def delete(name: str) -> None:
    """End everything and remove the node's folder."""
    with _locked(name), _progress.step(f"remove cluster {name}"):
        node = Node.load(name) or Node(name, 0, 0, 0)
        sandbox.kill(node)
        remove_tree(node.folder)


def _locked(name: str) -> AbstractContextManager[None]:
    """One creation, stop or removal of a cluster at a time."""
    return locked(settings().clusters / f".{name}.lock", f"cluster {name}")


_PROGRESS = "progress"
STATELESS = ("kubelet", "kube-controller-manager", "kube-scheduler", "kube-apiserver")
"""What may end at once: everything they know is in etcd."""

GRACE = 2
"""Seconds that containers get to end by themselves: what must be kept is written by then, and a
stop should not be a reason to leave the room."""

OPERATIONS = {"create": create, "stop": stop, "delete": delete}
