"""The one way to run kubectl."""

from __future__ import annotations

from pathlib import Path

from ._config import environment, lookup, settings
from ._exec import run

DIRECT = ("localhost", "127.0.0.1", ".localhost", "10.153.0.0/16")
"""What is on this machine, and must not be looked for behind a proxy."""


def kubectl(
    program: Path,
    kubeconfig: Path,
    *arguments: str | Path,
    stdin: str | None = None,
    timeout: float = 120,
) -> str:
    """Run kubectl on the cluster of a kubeconfig, and return what it printed.

    :raises CommandError: it failed; carries what it said.
    """
    command = [program, "--kubeconfig", kubeconfig, *arguments]
    return run(command, env=environment(**variables()), stdin=stdin, timeout=timeout)


def variables() -> dict[str, str]:
    """What kubectl needs in its environment: no detour, and no files in the user's home."""
    direct = no_proxy()
    return {
        "NO_PROXY": direct,
        "no_proxy": direct,
        "KUBECACHEDIR": str(settings().cache / "kubectl"),
    }


def no_proxy() -> str:
    """The value of ``NO_PROXY`` that adds the cluster to what the user has in it."""
    given = (lookup("NO_PROXY") or lookup("no_proxy") or "").split(",")
    return ",".join(dict.fromkeys([*filter(None, given), *DIRECT]))
