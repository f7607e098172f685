"""The sandbox: one set of Linux namespaces that holds the node, and its first process."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

from ... import _wait
from ..._config import settings
from ..._exceptions import CommandError, LabError, WaitTimeout, tail
from ..._exec import Argument, as_root, run, spawn
from ..._files import write
from ...packages import packages
from .node import INSIDE, Node

_CGROUPS = Path("/sys/fs/cgroup")
_OWN = "node"
"""The cgroup of the node's own processes, beside that of its pods."""


def start(node: Node) -> None:
    """Start the sandbox and return when its supervisor runs.

    The process id is on record before anything is made, so that an interrupted start is found.

    :raises LabError: the kernel refuses a namespace or a mount.
    """
    log = node.folder / "logs" / "sandbox.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    write(log, "")
    script = node.folder / "etc" / "sandbox.sh"
    record_then_become = (
        'echo $$ >"$0" || exit 1; '
        'for group in $LAB_CGROUPS; do echo $$ >"$group/cgroup.procs"; done; exec "$@"'
    )
    # In a cgroup of its own, the node does not end with the login session that started it.
    groups = " ".join(str(folder / _OWN) for folder in _cgroup_folders(node))
    spawn(
        ["sh", "-c", record_then_become, _pid_file(node),
         "unshare", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child",
         "--mount-proc", "sh", script, "mounts", settings().cache / "artifacts",
         f"lab-{node.name}"],
        log=log, cwd=node.folder, env={**_environment(), "LAB_CGROUPS": groups},
    )  # fmt: skip
    _wait.until("the sandbox to start", lambda: _supervising(node, log), timeout=20, interval=0.02)


def _environment() -> dict[str, str]:
    """The services' environment: programs where the sandbox sees them, nothing of the user's."""
    # By the node's own link: the cache may have newer packages than a running node began with.
    inside = packages.environment(INSIDE / "bin" / "packages")
    on_host = packages.environment()
    # Before its mounts are made, the script runs programs by the host's paths.
    merged = {key: f"{inside[key]}:{on_host[key]}" for key in inside}
    return {**merged, "HOME": str(INSIDE), "LANG": "C.UTF-8"}


def _supervising(node: Node, log: Path) -> None:
    parent = _parent(node)
    if parent is None:
        seen = tail(log.read_text())
        if seen:
            raise LabError(
                "the sandbox did not start",
                seen=seen,
                remedy="./lab doctor says what this machine does not allow",
            )
        raise _wait.NotYet("not started yet")
    init = init_pid(node)
    if init is None or _command(init).split("\0")[0].rpartition("/")[2] != "runsvdir":
        raise _wait.NotYet(tail(log.read_text()) or "mounting")


def init_pid(node: Node) -> int | None:
    """The host's process id of the sandbox's first process, or None where it does not run."""
    parent = _parent(node)
    if parent is None:
        return None
    try:
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    except FileNotFoundError:
        return None
    return int(children[0]) if children else None


def started(node: Node) -> float:
    """When the sandbox was started, in seconds of the epoch.

    :raises LabError: it does not run.
    """
    if _parent(node) is None:
        raise LabError(f"cluster {node.name} does not run", remedy="./lab up")
    return _pid_file(node).stat().st_mtime


def _parent(node: Node) -> int | None:
    """The process that holds the namespaces, if the recorded one is that process still."""
    try:
        pid = int(_pid_file(node).read_text())
    except (FileNotFoundError, ValueError):
        return None
    return pid if str(node.folder / "etc" / "sandbox.sh") in _command(pid) else None


def _pid_file(node: Node) -> Path:
    return node.folder / "sandbox.pid"


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def enter(node: Node, argv: list[Argument], *namespaces: str, timeout: float | None = 60) -> str:
    """Run a program inside the sandbox.

    :param namespaces: which to enter, ``mount`` ``net`` ``pid`` ``uts`` ``ipc``; all by default.
    :raises LabError: the sandbox does not run.
    :raises CommandError: the program failed.
    """
    pid = init_pid(node)
    if pid is None:
        raise LabError(f"cluster {node.name} does not run", remedy="./lab up")
    flags = [f"--{n}" for n in (namespaces or ("mount", "net", "pid", "uts", "ipc"))]
    command = ["nsenter", f"--target={pid}", *flags, "--", *argv]
    return run(as_root(command, **_environment()), timeout=timeout)


def kill(node: Node) -> None:
    """End everything in the sandbox at once; its namespaces and mounts go with it.

    What an ended one left (its link, its cgroups) is removed in any case.

    :raises LabError: the cluster of that name is another cache's.
    """
    _refuse_foreign(node)
    for pid in (init_pid(node), _parent(node)):
        if pid is not None:
            _kill(pid)
    _wait.until(f"the processes of {node.name} to end", lambda: _gone(node), timeout=20)
    _pid_file(node).unlink(missing_ok=True)
    # By name: a connection that nobody answers any more may keep its namespace for minutes.
    with suppress(CommandError, LabError):
        packages.run("ip", "link", "delete", node.link)
    _remove_cgroups(node)


def _refuse_foreign(node: Node) -> None:
    """A sandbox that is not ours, in our cgroup, belongs to the same name in another cache."""
    if _parent(node) is not None:
        return
    try:
        _wait.until("an ended sandbox to be gone", lambda: _gone(node), timeout=3)
    except WaitTimeout as foreign:
        raise LabError(
            f"a cluster {node.name} runs that was made with another cache",
            seen=foreign.last,
            remedy="use that cache (LAB_CACHE, or the user who made it), or another LAB_NAME",
        ) from foreign


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _gone(node: Node) -> None:
    if _parent(node) is not None:
        raise _wait.NotYet("its first process is still there")
    busy = [str(p) for c in _cgroup_folders(node) for p in c.rglob("cgroup.procs") if _busy(p)]
    if busy:
        raise _wait.NotYet(f"processes left in {busy[0]}")


def _busy(procs: Path) -> bool:
    try:
        return bool(procs.read_text().strip())
    except OSError:
        return False


def _remove_cgroups(node: Node) -> None:
    for top in _cgroup_folders(node):
        for folder in sorted((p for p in top.rglob("*") if p.is_dir()), reverse=True):
            folder.rmdir()
        top.rmdir()


def _cgroup_folders(node: Node) -> list[Path]:
    """The node's cgroup folders: one, or with cgroup v1 one for each controller."""
    places = (_CGROUPS, *(p for p in _CGROUPS.glob("*") if p.is_dir() and not p.is_symlink()))
    return [p / node.cgroup for p in places if (p / node.cgroup).is_dir()]


def make_cgroups(node: Node) -> None:
    """Give the node a place of its own in every cgroup hierarchy.

    :raises LabError: the kernel does not let this process.
    """
    unified = _CGROUPS / "cgroup.controllers"
    try:
        if unified.exists():
            (_CGROUPS / node.cgroup / _OWN).mkdir(parents=True, exist_ok=True)
            _delegate(_CGROUPS)
            _delegate(_CGROUPS / node.cgroup)
        else:
            _make_in_each_hierarchy(node)
    except OSError as refused:
        raise LabError(
            "the cluster's cgroups could not be made",
            seen=str(refused),
            remedy="run outside a container, or in a privileged one with the host's cgroups "
            "(docker run --privileged --cgroupns=host)",
        ) from refused


def _make_in_each_hierarchy(node: Node) -> None:
    """cgroup v1: one hierarchy for each controller, and cpusets that begin empty."""
    for controller in (p for p in _CGROUPS.iterdir() if p.is_dir() and not p.is_symlink()):
        for folder in (controller / node.cgroup, controller / node.cgroup / _OWN):
            folder.mkdir(exist_ok=True)
            if controller.name == "cpuset":
                _inherit_cpuset(folder)


def _delegate(folder: Path) -> None:
    """Let the groups below have the controllers this one has (cgroup v2)."""
    enabled = folder / "cgroup.subtree_control"
    missing = set((folder / "cgroup.controllers").read_text().split())
    for controller in sorted(missing - set(enabled.read_text().split())):
        enabled.write_text(f"+{controller}")


def _inherit_cpuset(folder: Path) -> None:
    """A new cpuset has no processors until it is given some (cgroup v1)."""
    for name in ("cpuset.cpus", "cpuset.mems"):
        if not (folder / name).read_text().strip():
            (folder / name).write_text((folder.parent / name).read_text())
