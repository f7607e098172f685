"""Where the embedded cluster cannot work, `./lab up` says so and makes nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lab_helpers import CommandError
from lab_helpers._config import ROOT, environment
from lab_helpers._exec import Argument, run

from .machine import traces

NEEDED = ("apt-get", "cksum", "env", "id", "ip", "mount", "readlink", "sh", "unshare")
SETPRIV = shutil.which("setpriv") or "setpriv"
NOBODY = (
    SETPRIV, "--reuid=65534", "--regid=65534", "--clear-groups",
    # The clone may be where only its owner may look.
    "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search",
)  # fmt: skip
NO_NAMESPACES = (SETPRIV, "--bounding-set=-sys_admin")


def refusal(cache: Path, *as_whom: Argument, **variables: str) -> str:
    """What `./lab up` says to somebody it cannot serve."""
    cache.mkdir(mode=0o777)
    cache.chmod(0o777)
    variables = {"LAB_CACHE": str(cache), "LAB_NAME": "refused", **variables}
    with pytest.raises(CommandError) as failed:
        run([*as_whom, ROOT / "lab", "up"], env=environment(**variables), timeout=60)
    said = failed.value.output
    assert failed.value.returncode == 1
    assert said.startswith("error: the embedded cluster needs")
    assert "try:" in said
    assert "Traceback" not in said
    assert traces("refused") == []
    assert list(cache.iterdir()) == []
    return said


def test_neither_root_nor_sudo(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in NEEDED:
        (programs / name).symlink_to(shutil.which(name) or name)
    tmp_path.chmod(0o755)
    said = refusal(tmp_path / "cache", *NOBODY, PATH=str(programs))
    assert "this user has neither root nor sudo" in said
    assert "as root or with sudo" in said


def test_no_namespaces(tmp_path: Path) -> None:
    said = refusal(tmp_path / "cache", *NO_NAMESPACES)
    assert "Linux namespaces and mounts" in said
    assert "Operation not permitted" in said
