"""Builds may be cut short by a kill, a full disk or a dead network: the next one completes."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from lab_helpers import CommandError
from lab_helpers._config import ROOT, environment
from lab_helpers._exec import Argument, run
from lab_helpers.images import CATALOGUE as IMAGES
from lab_helpers.programs import CATALOGUE as PROGRAMS

from .machine import descendants, mentioning, program
from .own import OwnCluster, until

FORWARD = PROGRAMS["forward"]
PAUSE = IMAGES["pause"]


def build(name: str, *, within: tuple[Argument, ...] = (), **variables: str) -> None:
    run([*within, ROOT / "lab", "build", name], env=environment(**variables), timeout=300)


def refused(name: str, *, within: tuple[Argument, ...] = (), **variables: str) -> str:
    """What a build says that fails in an orderly way."""
    with pytest.raises(CommandError) as failed:
        build(name, within=within, **variables)
    said = failed.value.output
    assert failed.value.returncode == 1
    assert said.count("error:") == 1
    assert "try:" in said
    assert "Traceback" not in said
    return said


def assert_forward_runs() -> None:
    with pytest.raises(CommandError, match="usage: forward") as shown:
        run([FORWARD.binary])
    assert shown.value.returncode == 2


def test_a_killed_compilation_is_completed_by_the_next(new_cache: Path, tmp_path: Path) -> None:
    with OwnCluster("builds").start("build", "forward", log=tmp_path / "log") as first:
        until("the compiler to start", lambda: runs(first, "compile"), timeout=30)
        first.send_signal(signal.SIGKILL)
    build("forward")
    assert_forward_runs()
    until("what was cut off to end", lambda: not mentioning(str(new_cache)), timeout=60)
    assert_forward_runs()


def test_a_killed_image_build_is_completed_by_the_next(new_cache: Path, tmp_path: Path) -> None:
    with OwnCluster("builds").start("build", "pause", log=tmp_path / "log") as first:
        until("buildah to start", lambda: runs(first, "buildah"), timeout=30)
        first.send_signal(signal.SIGKILL)
    build("pause")
    assert PAUSE.archive.stat().st_size > 10_000
    until("what was cut off to end", lambda: not mentioning(str(new_cache)), timeout=60)
    assert PAUSE.archive.stat().st_size > 10_000


def runs(command: Popen[bytes], name: str) -> bool:
    """Whether a command is running a program of that name right now."""
    return any(program(pid) == name for pid in descendants(command.pid))


@pytest.mark.usefixtures("new_cache")
def test_a_broken_download_says_so_and_the_next_build_succeeds() -> None:
    said = refused("forward", GOPROXY="http://127.0.0.1:9")
    assert "connection refused" in said
    assert "check the network to the Go module proxy" in said
    build("forward")
    assert_forward_runs()


def test_a_full_disk_is_said_before_it_is_full_and_space_is_enough(
    tmp_path: Path, new_cache: Path
) -> None:
    small = tmp_path / "small"
    with disk(small, new_cache.parent, megabytes=64) as inside:
        said = refused("forward", within=inside, LAB_CACHE=str(small))
        assert f"not enough disk space in {small / new_cache.name}" in said
        assert "LAB_CACHE" in said
        run([*inside, "mount", "-o", "remount,size=6g", small])
        build("forward", within=inside, LAB_CACHE=str(small))
        built = small / new_cache.name / "artifacts" / FORWARD.artifact.path.name / "forward"
        run([*inside, "test", "-x", built])


@contextmanager
def disk(path: Path, like: Path, *, megabytes: int) -> Iterator[tuple[Argument, ...]]:
    """A small disk with what a cache has, seen only by commands that begin with what is given."""
    path.mkdir()
    script = 'mount -t tmpfs -o "size=$1m" tmpfs "$2" && cp -a "$3/." "$2" && echo made && exec cat'
    words = ["unshare", "--mount", "sh", "-c", script, "sh", str(megabytes), str(path), str(like)]
    with Popen(words, stdin=PIPE, stdout=PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "made\n"
        yield ("nsenter", f"--mount=/proc/{holder.pid}/ns/mnt", "--")
        holder.communicate("")
