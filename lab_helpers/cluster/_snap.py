"""The commands of snap and microk8s, and what they answer.

The answers are those that the sources of microk8s have in June 2026; it was not run.
"""

from __future__ import annotations

import re
import shutil
import socket
from collections.abc import Callable

from .. import _exec, _wait
from .._exceptions import CommandError, LabError, Unsupported, tail

INGRESS_PORTS = (80, 443)
PATIENCE = 180
"""Seconds for microk8s to be ready, and for addons to come: their images are pulled."""
_INSTALL = "sudo snap install microk8s --classic"


def installed() -> str:
    """The version that is installed.

    :raises Unsupported: none is, or it is switched off.
    """
    if shutil.which("snap") is None:
        raise Unsupported(
            "microk8s comes as a snap, and this machine has no snap",
            remedy=f"sudo apt-get install snapd, then {_INSTALL}; or ./lab up, which needs neither",
        )
    try:
        listed = _exec.run(["snap", "list", "microk8s"], timeout=30)
    except CommandError as refused:
        raise Unsupported(
            "microk8s is not installed",
            seen=tail(refused.output),
            remedy=f"{_INSTALL}; or ./lab up, which makes a cluster of its own",
        ) from refused
    _, version, *_, notes = listed.splitlines()[-1].split()
    if "disabled" in notes:
        raise Unsupported(
            "microk8s is installed and disabled", seen=listed, remedy="sudo snap enable microk8s"
        )
    if shutil.which("microk8s") is None:
        raise Unsupported(
            "microk8s is installed, and its command is not found",
            seen=listed,
            remedy="export PATH=$PATH:/snap/bin",
        )
    return version


def is_stopped() -> bool:
    """Whether it was stopped, as ``microk8s status`` says at once."""
    return "try microk8s start" in _status("--format", "short")


def _status(*options: str) -> str:
    """What ``microk8s status`` prints. That it is not running is no error here.

    :raises LabError: this user may not ask, or this machine is not where to ask.
    """
    try:
        said = _exec.run(["microk8s", "status", *options], timeout=PATIENCE + 60)
    except CommandError as refused:
        _explain_rights(refused)
        if "is not running" not in refused.output:
            raise
        said = refused.output
    if "acting as a node in a cluster" in said:
        raise Unsupported(
            "the microk8s of this machine is a node of another one's cluster",
            seen=said,
            remedy="run ./lab on the machine with the control plane, or take that one's "
            "kubeconfig: --cluster kubeconfig --context NAME",
        )
    return said


def _explain_rights(refused: CommandError) -> None:
    """Put into words that this user may not."""
    said = refused.output
    if "Insufficient permissions" in said:
        command = re.search(r"sudo usermod .*", said)
        raise Unsupported(
            "this user may not use microk8s",
            seen=said,
            remedy=f"{command[0] if command else 'sudo usermod -a -G microk8s $USER'}, then log "
            "in again, or: newgrp microk8s",
        ) from refused
    if "levated permissions" in said:
        raise Unsupported(
            "this microk8s (of the strict kind) takes commands from root only",
            seen=said,
            remedy=f"sudo ./lab …, or the ordinary kind: {_INSTALL}",
        ) from refused


def addons() -> dict[str, bool]:
    """Every addon it knows, and whether it is enabled, once microk8s is ready.

    :raises LabError: it does not become ready.
    """
    said = _status("--wait-ready", "--timeout", str(PATIENCE), "--format", "short")
    if "microk8s is running" not in said:
        raise LabError(
            f"microk8s is not ready after {PATIENCE} s",
            seen=said,
            remedy="microk8s inspect looks for the cause",
        )
    found: dict[str, bool] = {}
    for line in said.splitlines():
        name, _, state = line.rpartition(": ")
        if state in ("enabled", "disabled"):
            # Several repositories may have one of that name.
            short = name.rpartition("/")[2]
            found[short] = state == "enabled" or found.get(short, False)
    return found


def require_enabled(addon: str) -> None:
    said = _status("--addon", addon).strip()
    if said != "enabled":
        raise _wait.NotYet(f"microk8s status --addon {addon} says {said!r}")


def enable(addon: str, *, on_line: Callable[[str], None]) -> None:
    """Enable an addon; nothing is said yet about when it is ready.

    :raises LabError: there is none of that name, or it could not be enabled.
    """
    try:
        _exec.stream(["microk8s", "enable", addon], on_line=on_line)
    except CommandError as refused:
        raise _not_enabled(addon, refused) from refused


def _not_enabled(addon: str, refused: CommandError) -> LabError:
    if "was not found in any repository" in refused.output:
        return LabError(
            f"microk8s has no addon {addon}",
            seen=tail(refused.output),
            remedy="sudo microk8s addons repo update core; if that does not help, a newer "
            "microk8s: sudo snap refresh microk8s --channel latest/stable",
        )
    return LabError(
        f"microk8s could not enable {addon}",
        seen=tail(refused.output),
        remedy=f"microk8s enable {addon}, by hand, until it does; then this again",
    )


def require_ports() -> None:
    """Refuse to enable the ingress where something else serves on its ports.

    :raises LabError: it would be cut off, or pages would never be seen.
    """
    for port in INGRESS_PORTS:
        with socket.socket() as client:
            client.settimeout(2)
            if client.connect_ex(("127.0.0.1", port)) == 0:
                raise LabError(
                    f"port {port} is taken, and microk8s' ingress needs it",
                    seen=_listener(port),
                    remedy=f"stop what listens there: sudo ss -ltnp 'sport = :{port}'; or "
                    "./lab up, whose pages take another port",
                )


def _listener(port: int) -> str:
    """Who listens on a port, as far as this user may know."""
    ask: list[_exec.Argument] = ["ss", "-H", "-l", "-t", "-n", "-p", f"sport = :{port}"]
    try:
        return _exec.run(ask, timeout=10)
    except CommandError:
        return f"127.0.0.1:{port} answers"


def control(command: str) -> None:
    """Start or stop it. It asks sudo by itself for what takes root.

    :raises LabError: it could not.
    """
    try:
        _exec.run(["microk8s", command], timeout=PATIENCE + 60)
    except CommandError as refused:
        _explain_rights(refused)
        raise LabError(
            f"microk8s could not {command}",
            seen=tail(refused.output),
            remedy=f"sudo microk8s {command}; microk8s inspect looks for the cause",
        ) from refused


def kubeconfig() -> str:
    """Its kubeconfig, which leads to loopback: the machine's other addresses change."""
    return _exec.run(["microk8s", "config", "--use-loopback"], timeout=60)
