"""lab_helpers._exec, with real programs."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from lab_helpers import CommandError, Unsupported, _exec, _wait
from lab_helpers._config import settings

PRINT_THEN_HANG = "import os, time; print(os.getpid(), flush=True); time.sleep(300)"


def python(code: str) -> list[str | Path]:
    return [sys.executable, "-c", code]


def wait_until_gone(pid: int) -> None:
    """A process that nobody has collected yet is gone as well."""

    def look() -> None:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return
        if state != "Z":
            raise _wait.NotYet(f"process {pid} is in state {state}")

    _wait.until(f"process {pid} to end", look, timeout=5, interval=0.02)


def test_run_returns_what_was_printed() -> None:
    assert _exec.run(python("import sys; print('out'); print('err', file=sys.stderr)")) == "out\n"


def test_run_hands_on_environment_folder_and_input(tmp_path: Path) -> None:
    code = "import os, sys; print(os.environ['A'], os.getcwd(), sys.stdin.read())"
    seen = _exec.run(python(code), env={"A": "1"}, cwd=tmp_path, stdin="text")
    assert seen == f"1 {tmp_path} text\n"


def test_run_survives_output_that_is_no_text() -> None:
    assert "�" in _exec.run(python(r"import os; os.write(1, b'\xff')"))


def test_a_failed_program_gives_its_code_and_what_it_said() -> None:
    code = "import sys; print('out'); print('why', file=sys.stderr); sys.exit(7)"
    with pytest.raises(CommandError) as failed:
        _exec.run(python(code), remedy="mend it")
    assert failed.value.returncode == 7
    assert failed.value.seen == "why"
    assert failed.value.remedy == "mend it"


def test_a_program_that_complains_on_stdout_is_heard_as_well() -> None:
    with pytest.raises(CommandError) as failed:
        _exec.run(python("import sys; print('why'); sys.exit(1)"))
    assert failed.value.seen == "why"


def test_a_program_that_is_not_there_is_a_command_error() -> None:
    with pytest.raises(CommandError) as failed:
        _exec.run(["/nonexistent/program"])
    assert failed.value.returncode == 127


def test_a_program_that_takes_too_long_is_killed() -> None:
    with pytest.raises(CommandError) as late:
        _exec.run(python(PRINT_THEN_HANG), timeout=1)
    assert late.value.returncode is None
    assert "timed out" in late.value.what
    wait_until_gone(int(late.value.output))


def test_stream_hands_on_each_line_as_it_comes() -> None:
    lines: list[str] = []
    # The program goes on only once its first line was handed on.
    code = "import sys; print('first', flush=True); print('second', file=sys.stderr)"
    _exec.stream(python(code), on_line=lines.append)
    assert lines == ["first", "second"]


def test_stream_does_not_wait_for_the_end_to_hand_on_a_line() -> None:
    def refuse(line: str) -> None:
        raise ValueError(f"no {line}")

    with pytest.raises(ValueError, match=r"no \d+"):
        _exec.stream(python(PRINT_THEN_HANG), on_line=refuse)


def test_a_streamed_program_that_fails_gives_the_end_of_its_output() -> None:
    code = "import sys; [print(n) for n in range(100)]; sys.exit(3)"
    with pytest.raises(CommandError) as failed:
        _exec.stream(python(code), on_line=lambda _: None, remedy="mend it")
    assert failed.value.returncode == 3
    assert failed.value.seen.splitlines()[-1] == "99"
    assert len(failed.value.output.splitlines()) == 40
    assert failed.value.remedy == "mend it"


def test_a_streamed_program_that_is_not_there_is_a_command_error() -> None:
    with pytest.raises(CommandError) as failed:
        _exec.stream(["/nonexistent/program"], on_line=print, remedy="mend it")
    assert failed.value.returncode == 127
    assert failed.value.remedy == "mend it"


def test_an_interrupted_stream_leaves_nothing_that_still_runs() -> None:
    """Compilers and downloads are started by the program that was started here."""
    pids: list[int] = []

    def interrupt(line: str) -> None:
        pids.append(int(line))
        if len(pids) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _exec.stream(["sh", "-c", "echo $$; sleep 300 & echo $!; wait"], on_line=interrupt)
    for pid in pids:
        wait_until_gone(pid)


def test_an_interrupted_stream_ends_a_program_that_does_not_want_to() -> None:
    stubborn = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {PRINT_THEN_HANG}"
    caller = f"""if True:
        import sys
        from lab_helpers import _exec
        def interrupt(line):
            print(line, flush=True)
            raise KeyError
        try:
            _exec.stream([sys.executable, "-c", {stubborn!r}], on_line=interrupt)
        except KeyError:
            pass
    """
    # In a process of its own: it would wait for as long as the program runs.
    wait_until_gone(int(_exec.run(python(caller), timeout=20)))


def test_a_streamed_program_ends_with_its_caller_however_that_ends() -> None:
    stream = "from lab_helpers import _exec; import sys; _exec.stream(sys.argv[1:], on_line=print)"
    caller = [sys.executable, "-u", "-c", stream, sys.executable, "-c", PRINT_THEN_HANG]
    with subprocess.Popen(caller, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        process.kill()
    wait_until_gone(pid)


# A program that takes a word from signals, and the one that calls it.
TIDY = """if True:
    import signal
    def tidy_up(*_):
        print("tidied up", flush=True)
        raise SystemExit(3)
    signal.signal(signal.SIGINT, tidy_up)
    signal.signal(signal.SIGTERM, tidy_up)
    print("ready", flush=True)
    signal.pause()
"""
CALL = "from lab_helpers import _exec; import sys; sys.exit(_exec.call(sys.argv[1:]))"


@pytest.fixture
def calling() -> Iterator[subprocess.Popen[str]]:
    """A process whose called program is ready for signals."""
    process = subprocess.Popen(
        [sys.executable, "-c", CALL, sys.executable, "-c", TIDY],
        stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    yield process
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def test_a_called_program_has_the_time_to_tidy_up_after_ctrl_c(
    calling: subprocess.Popen[str],
) -> None:
    # As a terminal does: to all that run on it.
    os.killpg(calling.pid, signal.SIGINT)
    said, _ = calling.communicate(timeout=20)
    assert said == "tidied up\n"
    assert calling.returncode == 3


def test_who_ends_the_caller_ends_the_called_program(calling: subprocess.Popen[str]) -> None:
    """As ``kill`` and CI systems do: to this one process."""
    calling.send_signal(signal.SIGTERM)
    said, _ = calling.communicate(timeout=20)
    assert said == "tidied up\n"
    assert calling.returncode == 3


def test_call_returns_the_exit_code() -> None:
    assert _exec.call(python("import sys; sys.exit(5)")) == 5


def test_a_spawned_program_runs_in_a_session_of_its_own(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")
    code = "import os, sys; print(os.getsid(0) == os.getpid()); print('err', file=sys.stderr)"
    with _exec.spawn(python(code), log=log, cwd=tmp_path) as process:
        assert process.wait(timeout=20) == 0
    assert log.read_text().startswith("before\n")
    assert set(log.read_text().split()) == {"before", "True", "err"}


def test_replace_becomes_the_other_program() -> None:
    code = "from lab_helpers._exec import replace; replace(['sh', '-c', 'echo $$; exit 9'])"
    with subprocess.Popen(python(code), stdout=subprocess.PIPE, text=True) as process:
        said, _ = process.communicate(timeout=20)
    assert process.returncode == 9
    assert int(said) == process.pid


@pytest.fixture
def not_root(monkeypatch: pytest.MonkeyPatch) -> None:
    ordinary = dataclasses.replace(settings(), is_root=False)
    monkeypatch.setattr(_exec, "settings", lambda: ordinary)


@pytest.mark.usefixtures("not_root")
def test_without_root_and_sudo_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unsupported, match="neither root nor sudo") as refused:
        _exec.as_root(["true"])
    assert refused.value.remedy


@pytest.mark.usefixtures("not_root")
def test_an_ordinary_user_goes_through_sudo(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "sudo").write_text('#!/bin/sh\nexec env -i PATH=/usr/bin:/bin "$@"\n')
    (tmp_path / "sudo").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    command = _exec.as_root(["sh", "-c", "echo $A"], A="what sudo would drop")
    assert command[0] == "sudo"
    assert _exec.run(command) == "what sudo would drop\n"


def test_root_needs_no_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    root = dataclasses.replace(settings(), is_root=True)
    monkeypatch.setattr(_exec, "settings", lambda: root)
    assert _exec.run(_exec.as_root(["sh", "-c", "echo $A"], A="b")) == "b\n"
    assert "sudo" not in _exec.as_root(["true"])
