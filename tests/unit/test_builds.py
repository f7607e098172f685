"""lab_helpers.builds: what is built, in which order, and by whom"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from lab_helpers import LabError, _wait, builds, components, functions
from lab_helpers._artifacts import Artifact
from lab_helpers._config import environment
from lab_helpers._files import write

# Builds some artefacts; each waits for a line, and says when it begins.
BUILDER = """if True:
    import sys
    from lab_helpers._artifacts import Artifact
    from lab_helpers.builds import ensure
    def make(folder, step):
        print(folder.name.split(".")[1], flush=True)
        sys.stdin.readline()
    names = sys.argv[1:]
    print("ready", flush=True)
    sys.stdin.readline()
    ensure([Artifact(name, f"make {name}", "key", make) for name in names])
    print("done", flush=True)
"""
# Builds in the background, and waits.
PARENT = """if True:
    import sys
    from pathlib import Path
    from lab_helpers import builds
    from lab_helpers._artifacts import Artifact
    builds.course = lambda: [Artifact("missing", "make it", "key", lambda *_: None)]
    builds.PYTHON = (sys.executable, "-c", sys.argv[1])
    builds.settings().cache.mkdir(parents=True)
    builds.start_in_background()
    print("started", flush=True)
    sys.stdin.readline()
"""
BACKGROUND = """if True:
    import os, signal
    from pathlib import Path
    Path(os.environ["PID_FILE"]).write_text(str(os.getpid()))
    signal.pause()
"""
Builder = subprocess.Popen[str]
Start = Callable[..., Builder]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a Python program that can be talked to; none outlives the test."""
    started: list[Builder] = []

    def run(program: str, *arguments: str, **variables: str) -> Builder:
        process = subprocess.Popen(
            [sys.executable, "-c", program, *arguments], env=environment(**variables), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def says(process: Builder) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def go_on(process: Builder) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_who_waits_has_the_next_turn(start: Start, cache: Path) -> None:
    background = start(BUILDER, "a1", "a2", "a3")
    assert says(background) == "ready"
    go_on(background)
    assert says(background) == "a1"
    needed_now = start(BUILDER, "b1")
    assert says(needed_now) == "ready"
    go_on(needed_now)
    _wait.until("the second to wait", lambda: waits(cache, needed_now), timeout=10)
    go_on(background)
    assert says(needed_now) == "b1"
    assert sorted(path.name for path in (cache / "artifacts").glob("[ab]*")) == ["a1-key"]
    go_on(needed_now)
    assert says(needed_now) == "done"
    assert says(background) == "a2"


def waits(cache: Path, process: Builder) -> None:
    """Whether it is in the turnstile: nobody else can be."""
    inode = (cache / ".build.next.lock").stat().st_ino
    held = f" {process.pid} "
    locks = Path("/proc/locks").read_text().splitlines()
    if not any(held in line and f":{inode} " in line and "->" not in line for line in locks):
        raise _wait.NotYet("it does not")


def test_what_two_need_is_built_once(start: Start, cache: Path) -> None:
    one, other = (start(BUILDER, "same") for _ in range(2))
    for each in (one, other):
        assert says(each) == "ready"
    go_on(one)
    assert says(one) == "same"
    go_on(other)
    go_on(one)
    assert says(one) == "done"
    assert says(other) == "done"
    assert (cache / "artifacts/same-key").is_dir()


def test_a_killed_build_holds_nobody_up(start: Start) -> None:
    one, other = start(BUILDER, "a"), start(BUILDER, "b")
    for each in (one, other):
        assert says(each) == "ready"
    go_on(one)
    assert says(one) == "a"
    go_on(other)
    one.kill()
    assert says(other) == "b"


def test_what_is_there_needs_no_turn(cache: Path) -> None:
    def never(*_: object) -> None:
        raise AssertionError

    there = Artifact("there", "make it", "key", never)
    there.path.mkdir(parents=True)
    builds.ensure([there])
    assert not (cache / ".build.lock").exists()


def test_who_waits_is_told_what_is_built_and_not_that_others_wait(cache: Path) -> None:
    assert builds._newest_line() == ""
    waits = f"  … {builds._WAITING}: ✓ make one 1.0 s (21 s)"
    write(cache / "build.log", f"✓ make one 1.0 s\n  … compile two (20 s)\n{waits}\n")
    assert builds._newest_line() == "… compile two (20 s)"


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM, None])
def test_the_background_build_ends_with_who_started_it(
    ending: signal.Signals | None, start: Start, tmp_path: Path
) -> None:
    parent = start(PARENT, BACKGROUND, PID_FILE=str(tmp_path / "pid"))
    assert says(parent) == "started"
    child = _wait.until("the build to start", lambda: pid(tmp_path / "pid"), timeout=10)
    if ending is None:
        go_on(parent)
    else:
        parent.send_signal(ending)
    _wait.until("it to end", lambda: gone(child), timeout=10)


def pid(path: Path) -> int:
    with suppress(FileNotFoundError, ValueError):
        return int(path.read_text())
    raise _wait.NotYet("there is none")


def gone(process: int) -> None:
    with suppress(ProcessLookupError, FileNotFoundError):
        os.kill(process, 0)
        if "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text():
            raise _wait.NotYet("it runs")


def test_nothing_missing_needs_no_background(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builds, "course", list)
    monkeypatch.setattr(builds, "spawn", lambda *_, **__: pytest.fail("it started one"))
    builds.start_in_background()


def test_the_course_is_the_foundation_then_chapter_by_chapter() -> None:
    names = [each.name for each in builds.course()]
    foundation = [each.name for each in builds.foundation()]
    assert names[: len(foundation)] == foundation
    for component in map(components.declaration, components.names()):
        assert {each.name for each in components.artifacts(component)} <= set(names)
    for function in functions.all_functions().values():
        assert {each.name for each in function.artifacts} <= set(names)


def test_nothing_of_a_later_chapter_is_built_before_what_an_earlier_one_needs() -> None:
    """Whoever waits for a part waits until the one under way is done: that may take minutes."""
    names = [each.name for each in builds.course()]
    serving = components.artifacts(components.declaration("knative-serving"))
    openfaas = components.artifacts(components.declaration("openfaas"))
    of_the_second = [*functions.find("users-api").artifacts, *serving]
    last = max(names.index(each.name) for each in of_the_second)
    assert last < min(names.index(each.name) for each in openfaas)


def test_after_the_course_is_built_what_only_building_needed_is_gone(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Artifact("kept", "make it", "key", lambda *_: None)
    monkeypatch.setattr(builds, "course", lambda: [kept])
    for name in ("go/mod/x", "buildah/x", "overlay/x", "artifacts/old-key/x", "wheels/x"):
        write(cache / name, "")
    builds.build([])
    left = {str(path.relative_to(cache)) for path in cache.glob("*/*")}
    assert {"artifacts/kept-key", "wheels/x"} <= left
    assert not any((cache / name).exists() for name in ("go", "buildah", "overlay"))
    assert not (cache / "artifacts/old-key").exists()


@pytest.mark.parametrize("done", [True, False])
def test_what_only_building_needs_stays_as_long_as_something_is_to_be_built(
    cache: Path, monkeypatch: pytest.MonkeyPatch, done: bool
) -> None:
    wanted = Artifact("wanted", "make it", "key", lambda *_: None)
    monkeypatch.setattr(builds, "course", lambda: [wanted])
    write(cache / "go/mod/x", "")
    if done:
        write(cache / "artifacts/wanted-key/x", "")
    builds.clear_away_if_done()
    assert (cache / "go").exists() == (not done)


def test_a_component_is_built_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[str] = []
    monkeypatch.setattr(builds, "ensure", lambda parts: built.extend(p.name for p in parts))
    builds.build(["knative-serving"])
    assert "files-knative-serving" in built
    assert "image-knative-serving-queue" in built


def test_a_failed_build_is_said_and_lets_go_of_its_turn() -> None:
    def fail(*_: object) -> None:
        raise LabError("no network")

    for _ in range(2):
        with pytest.raises(LabError, match="no network"):
            builds.ensure([Artifact("broken", "make it", "key", fail)])
