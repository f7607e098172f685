"""Real runs of the `lab` script, offline: on tiny clones whose lab_helpers is a stub."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
# The interpreter behind the virtual environment that runs the tests.
PYTHON = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
NAMES = ("python3.13", "python3.12", "python3.11", "python3")
ANOTHER_UID = 1

STUB = """\
import json, os, sys
print(json.dumps({"argv": sys.argv[1:], "cwd": os.getcwd(), "prefix": sys.prefix,
                  "file": __file__}))
sys.exit(int(os.environ.get("STUB_STATUS", "0")))
"""

NO_PYTHON = "#!/bin/sh\necho 'not installed' >&2\nexit 127\n"

# The real interpreter, which says that it is Python 3.10.
OLD_PYTHON = f"""\
#!/bin/sh
[ "$1 $2" = "-I -c" ] || exit 99
exec '{PYTHON}' -I -c 'import sys; sys.version_info = (3, 10, 13); exec(sys.argv[1])' "$3"
"""


@dataclass
class Run:
    status: int
    out: str
    err: str

    @property
    def made_venv(self) -> bool:
        return "making .venv" in self.err

    @property
    def said(self) -> dict[str, Any]:
        """What the stub printed. That is the whole of stdout, or `--json` would be broken."""
        assert self.status == 0, self.err
        said: dict[str, Any] = json.loads(self.out)
        return said


@dataclass
class Clone:
    """A clone with nothing in its lock, and the environment in which `lab` is run."""

    root: Path
    env: dict[str, str] = field(default_factory=dict)
    first: Run | None = None

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    @property
    def stamp(self) -> Path:
        return self.venv / "lab-stamp"

    @property
    def python(self) -> Path:
        return self.venv / "bin/python"

    def lock(self, *lines: str) -> None:
        (self.root / "requirements.lock").write_text("".join(lines))

    def start(self, *arguments: str, script: Path | None = None, cwd: Path | None = None) -> Start:
        return Start(
            [script or self.root / "lab", *arguments],
            env=self.env,
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, script: Path | None = None, cwd: Path | None = None) -> Run:
        return self.start(*arguments, script=script, cwd=cwd).end()


class Start(subprocess.Popen[str]):
    def end(self) -> Run:
        out, err = self.communicate()
        return Run(self.returncode, out, err)


def make_clone(root: Path) -> Clone:
    (root / "lab_helpers").mkdir(parents=True)
    (root / "lab_helpers/__init__.py").touch()
    (root / "lab_helpers/__main__.py").write_text(STUB)
    shutil.copy(ROOT / "lab", root)
    clone = Clone(root)
    clone.lock("# nothing\n")
    return clone


def make_program(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def replace_pythons(folder: Path, text: str, names: tuple[str, ...] = NAMES) -> None:
    for name in names:
        make_program(folder / name, text)


def make_environment(folder: Path) -> dict[str, str]:
    """An environment with the tests' own Python, an empty package index and an empty cache."""
    for name in ("bin", "index"):
        (folder / name).mkdir()
    for name in NAMES:
        (folder / "bin" / name).symlink_to(PYTHON)
    return {
        "PATH": f"{folder / 'bin'}:/usr/bin:/bin",
        "HOME": str(folder / "home"),
        "LAB_CACHE": str(folder / "cache"),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": (folder / "index").as_uri(),
        "PIP_RETRIES": "0",
    }


def make_place(folder: Path) -> Clone:
    """A clone whose path has a space and a letter outside ASCII, without .venv."""
    clone = make_clone(folder / "año 1" / "clone")
    clone.env = make_environment(folder)
    return clone


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return make_place(tmp_path)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone in which `lab` was run once, for the tests that only look at what it left."""
    folder = tmp_path_factory.mktemp("model")
    model = make_place(folder)
    # Stubs of a version manager are passed over in silence.
    replace_pythons(folder / "bin", NO_PYTHON, NAMES[:-1])
    model.first = model.run("status", "--json")
    return model


@pytest.fixture
def ready(clone: Clone, model: Clone) -> Clone:
    """A clone with an up-to-date .venv: a copy of one that was made, with its place corrected."""
    shutil.copytree(model.venv, clone.venv, symlinks=True)
    clone.stamp.write_text(clone.stamp.read_text().replace(str(model.root), str(clone.root)))
    return clone


def make_wheel(index: Path, name: str, files: dict[str, str]) -> str:
    """Publish version 1.0 of a package in an index; returns its lines for a lock."""
    folder = index / name
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-1.0-py3-none-any.whl"
    (folder / "index.html").write_text(f'<a href="{path.name}">{path.name}</a>')
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
            entry.external_attr = (stat.S_IFREG | 0o755) << 16  # a script is to be executable
            archive.writestr(entry, text)
        archive.writestr(f"{info}/RECORD", "\n".join([*records, f"{info}/RECORD,,\n"]))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return f"{name}==1.0 \\\n    --hash=sha256:{digest}\n    # via the tests\n"


def record(file: str, text: str) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
    return f"{file},sha256={digest.decode().rstrip('=')},{len(text.encode())}"


def make_uv(index: Path, script: str) -> str:
    """Publish a `uv` that is a shell script."""
    return make_wheel(index, "uv", {"uv-1.0.data/scripts/uv": f"#!/bin/sh\n{script}\n"})


def make_df(folder: Path, free: str) -> None:
    """Put a `df` in the way that finds as many free KiB as a shell word says."""
    text = f'#!/bin/sh\necho Filesystem\necho /dev/a 9 9 "{free}" 9% /mnt\n'
    make_program(folder / "bin/df", text)


def test_it_makes_the_venv_and_starts_the_helpers(model: Clone) -> None:
    assert model.first
    assert model.first.err.startswith("lab: making .venv with ")
    assert model.first.err.count("\n") == 1
    assert model.first.said["prefix"] == str(model.venv)
    assert model.first.said["argv"] == ["status", "--json"]


def test_it_can_be_started_from_anywhere(ready: Clone, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    # A folder of the caller's must not hide the clone's package or a standard module.
    (elsewhere / "lab_helpers.py").write_text("raise SystemExit('the wrong one')")
    (elsewhere / "json.py").write_text("raise SystemExit('the wrong one')")
    link = tmp_path / "link to lab"
    link.symlink_to(os.path.relpath(ready.root / "lab", tmp_path))

    run = ready.run("run", "two words", "", "--json", "*", script=link, cwd=elsewhere)
    assert run.err == ""
    assert run.said == {
        "argv": ["run", "two words", "", "--json", "*"],
        "cwd": str(elsewhere),
        "prefix": str(ready.venv),
        "file": str(ready.root / "lab_helpers/__main__.py"),
    }


def test_it_ends_with_the_status_of_the_helpers(ready: Clone) -> None:
    ready.env["STUB_STATUS"] = "7"
    run = ready.run()
    assert (run.status, run.err) == (7, "")


def test_the_clone_is_importable_in_any_locale(ready: Clone, tmp_path: Path) -> None:
    for locale in ({}, {"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}):
        command: list[str | Path] = [ready.python, "-c", "import lab_helpers"]
        subprocess.run(command, env=ready.env | locale, cwd=tmp_path, check=True)


def test_an_up_to_date_venv_is_left_alone(ready: Clone, tmp_path: Path) -> None:
    replace_pythons(tmp_path / "bin", NO_PYTHON)
    run = ready.run()
    assert run.said
    assert run.err == ""


def move(clone: Clone) -> None:
    clone.root = clone.root.rename(clone.root.with_name("moved"))


def cut_short(clone: Clone) -> None:
    clone.stamp.unlink()


@pytest.mark.parametrize("spoil", [move, cut_short])
def test_a_venv_that_does_not_fit_is_remade(ready: Clone, spoil: Callable[[Clone], None]) -> None:
    (ready.venv / "left over").touch()
    spoil(ready)
    run = ready.run()
    assert run.made_venv
    assert run.said["prefix"] == str(ready.venv)
    assert not (ready.venv / "left over").exists()
    assert ready.run().err == ""


def test_a_removed_interpreter_is_noticed(ready: Clone, tmp_path: Path) -> None:
    ready.python.unlink()
    ready.python.symlink_to("/nonexistent/python3.11")
    replace_pythons(tmp_path / "bin", NO_PYTHON)
    assert "Python 3.11 or newer is needed" in ready.run().err


def test_concurrent_starts_make_it_once(clone: Clone) -> None:
    starts = [clone.start() for _ in range(3)]
    runs = [start.end() for start in starts]
    assert {run.said["prefix"] for run in runs} == {str(clone.venv)}
    assert sum(run.made_venv for run in runs) == 1


@pytest.mark.parametrize("python", [NO_PYTHON, OLD_PYTHON], ids=["none", "old"])
def test_without_a_fitting_python_it_says_so(clone: Clone, tmp_path: Path, python: str) -> None:
    replace_pythons(tmp_path / "bin", python)
    run = clone.run()
    assert (run.status, run.out) == (1, "")
    assert run.err.count("\n") == 1
    assert "Python 3.11 or newer is needed" in run.err
    assert not clone.venv.exists()


def test_a_changed_lock_is_installed_as_soon_as_it_can_be(ready: Clone, tmp_path: Path) -> None:
    ready.lock(make_wheel(tmp_path / "index", "tiny", {"tiny.py": ""}))
    index = ready.env["PIP_INDEX_URL"]
    ready.env["PIP_INDEX_URL"] = "http://127.0.0.1:9"  # where nothing listens
    run = ready.run()
    assert (run.status, run.out) == (1, "")
    assert "packages could not be installed" in run.err.splitlines()[-1]
    assert not ready.venv.exists()

    ready.env["PIP_INDEX_URL"] = index
    assert ready.run().said
    subprocess.run([ready.python, "-c", "import tiny"], check=True)


def test_a_package_with_another_hash_is_refused(clone: Clone, tmp_path: Path) -> None:
    clone.lock(make_wheel(tmp_path / "index", "tiny", {"tiny.py": "value = 42\n"}))
    make_wheel(tmp_path / "index", "tiny", {"tiny.py": "value = 43\n"})
    run = clone.run()
    assert run.status == 1
    assert "DO NOT MATCH" in run.err
    assert not clone.venv.exists()


def test_uv_installs_the_lock_from_where_pip_would(clone: Clone, tmp_path: Path) -> None:
    record_call = f"env >'{tmp_path}/env'; printf '%s\\n' \"$@\" >'{tmp_path}/call'"
    clone.lock(make_uv(tmp_path / "index", record_call))
    config = tmp_path / "pip.conf"
    config.write_text(
        "[global]\nindex-url = file:///a\ncert = /etc/mirror.pem\n"
        "extra-index-url =\n    file:///b\n    file:///c\n"
        "[install]\ntrusted-host = a.example\n"
    )
    clone.env |= {"PIP_CONFIG_FILE": str(config), "UV_INSECURE_HOST": "b.example"}
    assert clone.run().said

    call = (tmp_path / "call").read_text().splitlines()
    assert call[:2] == ["pip", "sync"]
    assert {"--require-hashes", "requirements.lock", str(clone.python)} < set(call)
    assert f"{tmp_path}/cache/serverless-lab/wheels" in call
    env = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines())
    assert env["UV_DEFAULT_INDEX"] == clone.env["PIP_INDEX_URL"]
    assert env["UV_INDEX"] == "file:///b file:///c"
    assert env["SSL_CERT_FILE"] == "/etc/mirror.pem"
    assert env["UV_INSECURE_HOST"] == "b.example", "what was said to uv itself comes first"


def test_pip_steps_in_where_uv_fails(clone: Clone, tmp_path: Path) -> None:
    index = tmp_path / "index"
    clone.lock(make_wheel(index, "tiny", {"tiny.py": ""}), make_uv(index, "exit 2"))
    run = clone.run()
    assert run.said
    assert "uv could not install the packages; trying pip" in run.err
    subprocess.run([clone.python, "-c", "import tiny"], check=True)


def test_too_little_space_is_refused_in_one_line(clone: Clone, tmp_path: Path) -> None:
    make_df(tmp_path, "51200")
    run = clone.run()
    assert (run.status, run.out) == (1, "")
    assert run.err.count("\n") == 1
    assert "not enough space (50 MB free on /mnt)" in run.err
    assert not clone.venv.exists()


def test_a_disk_that_fills_up_is_named(clone: Clone, tmp_path: Path) -> None:
    # The first look finds enough space, the next one none.
    make_df(tmp_path, f"$(rmdir '{tmp_path}/room' 2>/dev/null && echo 9999999 || echo 0)")
    (tmp_path / "room").mkdir()
    clone.lock(make_wheel(tmp_path / "index", "tiny", {"tiny.py": ""}))
    shutil.rmtree(tmp_path / "index/tiny")
    run = clone.run()
    assert run.status == 1
    assert "the disk is full (0 MB free on /mnt)" in run.err.splitlines()[-1]
    assert not clone.venv.exists()


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that every user can reach; those of pytest are private."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        folder.chmod(0o755)
        yield folder


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act for another user")
def test_under_sudo_everything_belongs_to_the_caller(public_folder: Path) -> None:
    clone = make_clone(public_folder / "clone")
    clone.env = {
        **make_environment(public_folder),
        "PATH": "/usr/bin:/bin",
        "SUDO_UID": str(ANOTHER_UID),
    }
    clone.venv.mkdir()
    for path in [public_folder, *public_folder.rglob("*")]:
        os.chown(path, ANOTHER_UID, -1, follow_symlinks=False)
    # Of an earlier run as root.
    (clone.venv / "left over").mkdir()
    run = clone.run()
    if "Python 3.11 or newer is needed" in run.err:
        pytest.skip("no Python that every user can reach")
    assert run.said
    for path in [public_folder, *public_folder.rglob("*")]:
        assert path.lstat().st_uid == ANOTHER_UID, path
    assert not (clone.venv / "left over").exists()
