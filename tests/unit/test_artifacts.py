"""lab_helpers._artifacts"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from lab_helpers import LabError, _artifacts
from lab_helpers._artifacts import Artifact, digest, prune, require_space
from lab_helpers._files import write

# Says when it is ready, builds when told to, and in the middle of it may wait once more.
BUILDER = """if True:
    import sys
    from lab_helpers._artifacts import Artifact
    def make(folder, step):
        (folder / "file").write_text("whole")
        print("making", flush=True)
        if sys.argv[1:] == ["pause"]:
            sys.stdin.readline()
    print("ready", flush=True)
    sys.stdin.readline()
    print(Artifact("thing", "make a thing", "key", make).build(), flush=True)
"""
Builder = subprocess.Popen[str]


def artifact(make: Callable[[Path], object] = lambda _: None, key: str = "key") -> Artifact:
    def fill(folder: Path, _: object) -> None:
        make(folder)

    return Artifact("thing", "make a thing", key, fill)


@pytest.fixture
def start_builder() -> Iterator[Callable[..., Builder]]:
    """Starts a process that builds; none outlives the test."""
    started: list[Builder] = []

    def start(*arguments: str) -> Builder:
        process = subprocess.Popen(
            [sys.executable, "-c", BUILDER, *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        started.append(process)
        assert said(process) == "ready"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def said(process: Builder) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def go_on(process: Builder) -> None:
    assert process.stdin is not None
    process.stdin.write("go on\n")
    process.stdin.flush()


def test_it_is_made_once_and_kept() -> None:
    makings: list[Path] = []

    def make(folder: Path) -> None:
        makings.append(folder)
        write(folder / "file", "whole")

    made = artifact(make)
    assert not made.exists
    assert made.build() == made.build() == made.path
    assert (made.path / "file").read_text() == "whole"
    assert len(makings) == 1


def test_threads_that_want_it_at_once_make_it_once() -> None:
    makings: list[Path] = []
    barrier = Barrier(8)

    def build() -> Path:
        barrier.wait()
        return artifact(makings.append).build()

    with ThreadPoolExecutor(8) as pool:
        paths = {future.result() for future in [pool.submit(build) for _ in range(8)]}
    assert paths == {artifact().path}
    assert len(makings) == 1


def test_processes_that_want_it_at_once_make_it_once(
    start_builder: Callable[..., Builder],
) -> None:
    processes = [start_builder() for _ in range(3)]
    for process in processes:
        go_on(process)
    ends = [process.communicate(timeout=30)[0].split() for process in processes]
    assert sum("making" in lines for lines in ends) == 1
    assert {lines[-1] for lines in ends} == {str(artifact().path)}


def test_whoever_comes_while_it_is_made_waits_for_it(
    start_builder: Callable[..., Builder],
) -> None:
    first, second = start_builder("pause"), start_builder()
    go_on(first)
    assert said(first) == "making"
    go_on(second)
    go_on(first)
    assert said(first) == said(second) == str(artifact().path)


def test_a_failed_making_leaves_nothing_that_looks_whole() -> None:
    def fail(folder: Path) -> None:
        write(folder / "half", "half")
        raise RuntimeError("no space")

    with pytest.raises(RuntimeError):
        artifact(fail).build()
    assert not artifact().exists
    artifact(lambda folder: write(folder / "file", "whole")).build()
    assert [path.name for path in artifact().path.iterdir()] == ["file"]


def test_a_killed_making_leaves_nothing_that_looks_whole(
    start_builder: Callable[..., Builder],
) -> None:
    process = start_builder("pause")
    go_on(process)
    assert said(process) == "making"
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not artifact().exists
    artifact(lambda folder: write(folder / "another", "whole")).build()
    assert [path.name for path in artifact().path.iterdir()] == ["another"]


def test_making_shows_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    artifact().build()
    artifact().build()
    shown = capsys.readouterr()
    assert shown.err.count("make a thing") == 1
    assert shown.out == ""


def test_another_key_is_another_artifact() -> None:
    artifact(key="one").build()
    assert artifact(key="one").exists
    assert not artifact(key="two").exists


def test_the_same_inputs_have_the_same_digest(tmp_path: Path) -> None:
    write(tmp_path / "one/a/file", "text")
    write(tmp_path / "two/a/file", "text")
    assert digest("v1", tmp_path / "one") == digest("v1", tmp_path / "two")


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: write(folder / "a/file", "another text"),
        lambda folder: write(folder / "a/new", ""),
        lambda folder: (folder / "a/file").rename(folder / "a/renamed"),
        lambda folder: (folder / "a/file").rename(folder / "file"),
        lambda folder: (folder / "a/file").unlink(),
    ],
    ids=["content", "new file", "renamed", "moved", "removed"],
)
def test_a_changed_tree_has_another_digest(change: Callable[[Path], None], tmp_path: Path) -> None:
    write(tmp_path / "a/file", "text")
    write(tmp_path / "b/file", "text")
    before = digest(tmp_path)
    change(tmp_path)
    assert digest(tmp_path) != before


def test_texts_do_not_run_into_each_other() -> None:
    assert digest("ab", "c") != digest("a", "bc")
    assert digest("a", "b") != digest("b", "a")


def test_prune_removes_what_nobody_asked_to_keep() -> None:
    old, new = artifact(key="old"), artifact(key="new")
    old.build(), new.build()
    prune([new])
    assert new.exists
    assert not old.exists


def test_prune_keeps_what_a_cluster_runs_on(cache: Path) -> None:
    used, unused = artifact(key="used"), artifact(key="unused")
    used.build(), unused.build()
    links = cache / "clusters/lab/bin"
    links.mkdir(parents=True)
    (links / "program").symlink_to(Path("/run/lab/artifacts") / used.path.name / "program")
    prune([])
    assert used.exists
    assert not unused.exists


def test_prune_leaves_alone_what_is_being_made(start_builder: Callable[..., Builder]) -> None:
    process = start_builder("pause")
    go_on(process)
    assert said(process) == "making"
    prune([])
    go_on(process)
    assert said(process) == str(artifact().path)
    assert (artifact().path / "file").read_text() == "whole"


def test_enough_space_is_enough() -> None:
    require_space(0.001)


def test_a_full_disk_is_refused_before_anything_begins(cache: Path) -> None:
    with pytest.raises(LabError, match="not enough disk space") as refused:
        require_space(1e9)
    assert str(cache) in refused.value.what
    assert "GB free" in refused.value.seen
    assert "LAB_CACHE" in refused.value.remedy


def test_what_containers_see_keeps_its_owners(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Path] = []
    monkeypatch.setattr(_artifacts, "give_to_owner", lambda path, **_: given.append(path))
    Artifact("theirs", "", "key", lambda *_: None).build()
    Artifact("root's", "", "key", lambda *_: None, owned=False).build()
    trees = [path.name for path in given if path.name.endswith(".unfinished")]
    assert len(trees) == 1
    assert trees[0].startswith(".theirs.")
