"""Real runs of the `lab` script, offline: on tiny clones whose lab_helpers is a stub."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
# The interpreter behind the virtual environment that runs the tests.
PYTHON = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
NAMES = ("python3.13", "python3.12", "python3.11", "python3")

STUB = """\
import json, os, sys
print(json.dumps({"argv": sys.argv[1:], "cwd": os.getcwd(), "prefix": sys.prefix,
                  "file": __file__, "path": sys.path}))
"""

# Runs the real interpreter, which says that it is Python 3.10.
OLD_PYTHON = """\
#!/bin/sh
exec "{python}" -c 'import sys
sys.version_info = (3, 10, 13, "final", 0)
sys.argv[0:2] = sys.argv[1:2]
exec(sys.argv[2] if sys.argv[1] == "-c" else sys.argv[3])' x "$@"
"""


# A lock of nothing but a `uv`, which the cache has from an earlier clone (see `keep_uv`).
LOCK = f"uv==1.0 \\\n    --hash=sha256:{'0' * 64}\n"


@dataclass
class Clone:
    """A clone, and the environment in which its `lab` is run."""

    root: Path
    env: dict[str, str] = field(default_factory=dict)

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    @property
    def stamp(self) -> Path:
        return self.venv / "lab-stamp"

    def lock(self, text: str) -> None:
        (self.root / "requirements.lock").write_text(text)

    def run(self, *arguments: str, script: Path | None = None, **options: Any) -> Run:
        command = [str(script or self.root / "lab"), *arguments]
        done = subprocess.run(
            command, env=self.env, capture_output=True, text=True, check=False, **options
        )
        return Run(done.returncode, done.stdout, done.stderr)

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(self.root / "lab")],
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )


@dataclass
class Run:
    status: int
    out: str
    err: str

    @property
    def built(self) -> bool:
        return "making .venv" in self.err

    def check(self) -> None:
        assert self.status == 0, self.err

    @property
    def said(self) -> dict[str, Any]:
        """What lab_helpers printed: the whole of stdout, or `--json` would be broken."""
        self.check()
        said: dict[str, Any] = json.loads(self.out)
        return said


def make_clone(root: Path) -> Clone:
    (root / "lab_helpers").mkdir(parents=True)
    (root / "lab_helpers/__init__.py").touch()
    (root / "lab_helpers/__main__.py").write_text(STUB)
    shutil.copy(ROOT / "lab", root)
    clone = Clone(root)
    clone.lock(LOCK)
    return clone


def keep_uv(cache: Path, script: str = "") -> None:
    """Put a `uv` into the cache that is a shell script. Without one, `lab` would run pip."""
    (cache / "wheels").mkdir(parents=True)
    uv = cache / f"wheels/uv-1.0-{os.uname().machine}"
    uv.write_text(f"#!/bin/sh\n{script}\n")
    uv.chmod(0o755)


def make_pythons(folder: Path, text: str | None = None) -> None:
    """Put every name that `lab` looks for into a folder: links, or scripts with this text."""
    folder.mkdir()
    for name in NAMES:
        if text is None:
            (folder / name).symlink_to(PYTHON)
        else:
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    """A clone in a folder with a space and letters outside ASCII."""
    clone = make_clone(tmp_path / "año 1" / "clone")
    make_pythons(tmp_path / "bin")
    keep_uv(tmp_path / "cache")
    clone.env = {
        "LAB_CACHE": str(tmp_path / "cache"),
        "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin",
        "HOME": str(tmp_path / "home"),
        "PIP_NO_INDEX": "1",
        "PIP_CONFIG_FILE": os.devnull,
    }
    return clone


@dataclass
class Wheel:
    path: Path
    pin: str


def make_wheel(folder: Path, name: str, files: dict[str, str]) -> Wheel:
    """A wheel of version 1.0, and the line of a lock that pins it."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    files = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    records = [record(file, text) for file, text in files.items()]
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            entry = zipfile.ZipInfo(file)
            entry.external_attr = 0o100755 << 16
            archive.writestr(entry, text)
        archive.writestr(f"{info}/RECORD", "\n".join([*records, f"{info}/RECORD,,\n"]))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Wheel(path, f"{name}==1.0 \\\n    --hash=sha256:{digest}\n    # via the tests\n")


def record(file: str, text: str) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
    return f"{file},sha256={digest.decode().rstrip('=')},{len(text.encode())}"


def test_it_starts_the_clones_helpers_with_all_arguments(clone: Clone, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    # A folder of the caller's must not hide the clone's package or a standard module.
    (elsewhere / "lab_helpers.py").write_text("raise SystemExit('the wrong one')")
    (elsewhere / "json.py").write_text("raise SystemExit('the wrong one')")
    link = tmp_path / "link to lab"
    link.symlink_to(os.path.relpath(clone.root / "lab", tmp_path))

    first = clone.run("run", "two words", "", "--json", "*", cwd=elsewhere)
    assert first.built
    assert first.said["argv"] == ["run", "two words", "", "--json", "*"]
    assert first.said["cwd"] == str(elsewhere)
    assert first.said["prefix"] == str(clone.venv)
    assert first.said["file"] == str(clone.root / "lab_helpers/__main__.py")

    second = clone.run("x", cwd=elsewhere, script=link)
    assert second.said["prefix"] == str(clone.venv)
    assert second.err == ""


def test_the_clone_is_importable_in_any_locale(clone: Clone, tmp_path: Path) -> None:
    clone.run().check()
    for locale in ({}, {"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}):
        command = [str(clone.venv / "bin/python"), "-c", "import lab_helpers"]
        subprocess.run(command, env=clone.env | locale, cwd=tmp_path, check=True)


def test_a_fitting_stamp_needs_no_python_search(clone: Clone, tmp_path: Path) -> None:
    clone.run().check()
    shutil.rmtree(tmp_path / "bin")
    make_pythons(tmp_path / "bin", "#!/bin/sh\necho started >&2; exit 1\n")
    again = clone.run()
    assert again.said
    assert again.err == ""


def test_a_changed_lock_or_place_makes_it_stale(clone: Clone) -> None:
    clone.run().check()
    clone.lock(LOCK + "# another\n")
    (clone.venv / "left over").touch()
    assert clone.run().built
    assert not (clone.venv / "left over").exists()

    clone.root = clone.root.rename(clone.root.with_name("moved"))
    moved = clone.run()
    assert moved.built
    assert moved.said["prefix"] == str(clone.venv)
    assert not clone.run().built


def test_a_removed_interpreter_makes_it_stale(clone: Clone) -> None:
    clone.run().check()
    (clone.venv / "bin/python").unlink()
    (clone.venv / "bin/python").symlink_to("/nonexistent/python3.11")
    again = clone.run()
    assert again.built
    assert again.said


def test_a_killed_start_leaves_nothing_that_looks_complete(clone: Clone, tmp_path: Path) -> None:
    slow, reached = tmp_path / "slow", tmp_path / "reached"
    keep_uv(tmp_path / "own", f"[ ! -e '{slow}' ] || {{ touch '{reached}'; sleep 100; }}")
    clone.env["LAB_CACHE"] = str(tmp_path / "own")
    clone.run().check()
    clone.lock(LOCK + "# another\n")
    slow.touch()
    with clone.start() as process:
        while not reached.exists():
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
    slow.unlink()
    assert (clone.venv / "bin/python").exists()
    assert not clone.stamp.exists()
    # Nor does the lock that goes with the old .venv fit what is there now.
    clone.lock(LOCK)
    again = clone.run()
    assert again.built
    assert again.said


def test_concurrent_starts_build_once(clone: Clone) -> None:
    processes = [clone.start() for _ in range(4)]
    ends = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, ends
    assert sum("making .venv" in err for _, err in ends) == 1
    assert {json.loads(out)["prefix"] for out, _ in ends} == {str(clone.venv)}


def test_an_old_python_is_refused_in_one_line(clone: Clone, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "bin")
    make_pythons(tmp_path / "bin", OLD_PYTHON.format(python=PYTHON))
    refused = clone.run()
    assert refused.status == 1
    assert refused.out == ""
    assert refused.err.count("\n") == 1
    assert "Python 3.11 or newer is needed" in refused.err
    assert "apt-get install python3" in refused.err
    assert not clone.venv.exists()


def test_names_without_a_python_are_passed_over(clone: Clone, tmp_path: Path) -> None:
    for name in ("python3.13", "python3.12", "python3.11"):
        (tmp_path / "bin" / name).unlink()
        (tmp_path / "bin" / name).write_text("#!/bin/sh\necho 'not installed' >&2; exit 127\n")
        (tmp_path / "bin" / name).chmod(0o755)
    started = clone.run()
    assert started.said
    assert "not installed" not in started.err


def test_pip_installs_by_hash_where_the_lock_has_no_uv(clone: Clone, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path / "wheels", "tiny", {"tiny.py": "value = 42\n"})
    clone.env["PIP_FIND_LINKS"] = str(wheel.path.parent)
    clone.lock(wheel.pin)
    clone.run().check()
    command = [str(clone.venv / "bin/python"), "-c", "import tiny; print(tiny.value)"]
    assert subprocess.check_output(command, text=True) == "42\n"

    make_wheel(tmp_path / "wheels", "tiny", {"tiny.py": "value = 43\n"})
    clone.lock(wheel.pin + "# a new lock\n")
    refused = clone.run()
    assert refused.status == 1
    assert refused.out == ""
    assert "DO NOT MATCH" in refused.err
    assert "could not be installed" in refused.err
    assert not clone.stamp.exists()


def test_pip_steps_in_where_uv_fails(clone: Clone, tmp_path: Path) -> None:
    keep_uv(tmp_path / "own", 'case "$*" in *sync*) exit 2 ;; esac')
    wheel = make_wheel(tmp_path / "wheels", "uv", {"uv.py": "value = 42\n"})
    clone.env |= {"LAB_CACHE": str(tmp_path / "own"), "PIP_FIND_LINKS": str(wheel.path.parent)}
    clone.lock(wheel.pin)
    started = clone.run()
    started.check()
    assert "uv could not install the packages; trying pip" in started.err


def test_uv_comes_from_the_lock_and_is_kept_for_the_next_clone(
    clone: Clone, tmp_path: Path
) -> None:
    script = f"#!/bin/sh\necho \"$@\" >>'{tmp_path}/calls'\n"
    wheel = make_wheel(tmp_path / "wheels", "uv", {"uv-1.0.data/scripts/uv": script})
    clone.lock(wheel.pin)
    cache = tmp_path / "empty cache"
    clone.env |= {"LAB_CACHE": str(cache), "PIP_FIND_LINKS": str(wheel.path.parent)}
    clone.run().check()

    second = make_clone(tmp_path / "second")
    second.lock(wheel.pin)
    # Nothing can be fetched any more.
    second.env = clone.env | {"PIP_FIND_LINKS": str(tmp_path / "nothing")}
    second.run().check()

    calls = (tmp_path / "calls").read_text().splitlines()
    syncs = [call for call in calls if call.startswith("pip sync ")]
    assert len(syncs) == 2
    for sync, root in zip(syncs, (clone.root, second.root), strict=True):
        assert "--require-hashes requirements.lock" in sync
        assert f"--python {root}/.venv/bin/python" in sync
        assert f"--cache-dir {cache}/wheels" in sync


def test_uv_gets_pips_configuration(clone: Clone, tmp_path: Path) -> None:
    keep_uv(tmp_path / "own", f"env >'{tmp_path}/env'; echo \"$@\" >'{tmp_path}/call'")
    config = tmp_path / "pip.conf"
    config.write_text(
        "[global]\nindex-url = https://a.example/simple\ncert = /global.pem\ntimeout = 7\n"
        "extra-index-url =\n    https://b.example\n    https://c.example\n"
        "[install]\ntrusted-host = a.example\n"
    )
    clone.env |= {
        "LAB_CACHE": str(tmp_path / "own"),
        "PIP_CERT": "/env.pem",
        "PIP_CONFIG_FILE": str(config),
        "PIP_FIND_LINKS": f"{tmp_path}/nothing {tmp_path}",
        "UV_HTTP_TIMEOUT": "9",
    }
    clone.run().check()
    env = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines())
    assert env["UV_DEFAULT_INDEX"] == "https://a.example/simple"
    assert env["UV_INDEX"] == "https://b.example https://c.example"
    assert env["UV_INSECURE_HOST"] == "a.example"
    assert env["UV_FIND_LINKS"] == str(tmp_path), "uv fails where a folder does not exist"
    assert env["SSL_CERT_FILE"] == "/env.pem"
    assert env["UV_HTTP_TIMEOUT"] == "9", "what was said to uv itself comes first"
    assert (tmp_path / "call").read_text().split()[-1] == "--no-index"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, "home/.cache/serverless-lab"),
        ({"XDG_CACHE_HOME": "xdg"}, "xdg/serverless-lab"),
        ({"XDG_CACHE_HOME": "xdg", "LAB_CACHE": "one/two"}, "one/two"),
    ],
)
def test_where_the_cache_is(
    clone: Clone, tmp_path: Path, variables: dict[str, str], expected: str
) -> None:
    keep_uv(tmp_path / expected, f"touch '{tmp_path}/found'")
    del clone.env["LAB_CACHE"]
    clone.env |= {name: str(tmp_path / path) for name, path in variables.items()}
    clone.run().check()
    assert (tmp_path / "found").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_under_sudo_everything_belongs_to_the_caller(clone: Clone, tmp_path: Path) -> None:
    clone.env |= {"SUDO_UID": "1", "SUDO_GID": "1", "LAB_CACHE": str(tmp_path / "new/cache")}
    clone.lock("# nothing, so that no cached uv is needed\n")
    clone.run().check()
    made = [clone.venv, clone.root / ".venv.lock", tmp_path / "new"]
    for path in [*made, *clone.venv.rglob("*"), *(tmp_path / "new").rglob("*")]:
        assert (path.lstat().st_uid, path.lstat().st_gid) == (1, 1), path
