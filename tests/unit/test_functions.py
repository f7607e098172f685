"""lab_helpers.functions, lab_helpers.requirements, lab_helpers.builders and lab_helpers.bases

podman and docker are stand-ins here that record how they are called.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from lab_helpers import CommandError, LabError, UsageError, functions, requirements
from lab_helpers._exceptions import Unsupported
from lab_helpers._files import write
from lab_helpers.bases import base
from lab_helpers.bases.python import DebianPython, UpstreamPython, compile_all
from lab_helpers.builders import builder
from lab_helpers.functions import Function, all_functions

STAND_IN = """#!/bin/sh
echo "$(basename "$0")" "$@" >>"$CALLS"
while [ $# -gt 1 ]; do
    case $1 in
    --output) echo image >"$2" ;;
    --file) cat "$2" >>"$CALLS.recipe" ;;
    esac
    shift
done
"""


@pytest.fixture
def function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Function:
    """A function of one module, in a course that has no other."""
    folder = tmp_path / "functions"
    write(folder / "hello/Containerfile", "ARG BASE\nFROM ${BASE}\n")
    write(folder / "hello/hello.py", "print('hello')\n")
    monkeypatch.setattr(functions, "FUNCTIONS", folder)
    return Function("hello", folder)


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """The programs of a machine without apt-get: only what is put there."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("basename", "cat", "chmod", "setpriv", "sh"):
        (programs / name).symlink_to(str(shutil.which(name)))
    os.environ.update(PATH=str(programs), CALLS=str(tmp_path / "calls"))
    return programs


def calls() -> list[list[str]]:
    return [line.split() for line in Path(os.environ["CALLS"]).read_text().splitlines()]


def install(machine: Path, name: str) -> None:
    write(machine / name, STAND_IN, mode=0o755)


def test_functions_are_the_folders_with_a_recipe_or_a_stack(function: Function) -> None:
    write(function.root / "notes/README", "")
    write(function.root / "bye/stack.yml", "")
    write(function.root / "templates/python3-http/Containerfile", "FROM scratch\n")
    assert list(all_functions()) == ["bye", "hello"]


def test_a_function_without_a_recipe_is_told_so(function: Function) -> None:
    (function.folder / "Containerfile").unlink()
    with pytest.raises(LabError, match="hello has no Containerfile"):
        _ = function.recipe


def test_a_function_that_is_not_there_is_an_error(function: Function) -> None:
    with pytest.raises(UsageError, match="no function 'bye'") as refused:
        functions.build(["bye"])
    assert refused.value.remedy == function.name


def test_the_courses_functions_are_found() -> None:
    assert "users-api" in all_functions()
    assert Function("users-api").reference.startswith("localhost:32000/lab/users-api:")


def test_only_the_functions_own_files_go_in(function: Function) -> None:
    stack = "functions: {hello: {lang: none, handler: ., image: hello}}"
    write(function.folder / "stack.yml", stack)
    left_out = ("requirements.in", "requirements.txt", ".env", "__pycache__/hello.pyc")
    for name in (*left_out, "below/requirements.txt"):
        write(function.folder / name, "")
    assert list(function.files) == ["below/requirements.txt", "hello.py"]


def test_the_tag_follows_whatever_the_image_is_made_of(function: Function, machine: Path) -> None:
    install(machine, "podman")
    seen = [function.reference]

    def changed() -> bool:
        seen.append(function.reference)
        return len(set(seen)) == len(seen)

    write(function.folder / "hello.py", "print('bye')\n")
    assert changed()
    (function.folder / "hello.py").rename(function.folder / "bye.py")
    assert changed()
    (function.folder / "bye.py").chmod(0o755)
    assert changed()
    write(function.folder / "requirements.txt", "# nothing\n")
    assert changed()
    write(function.folder / "Containerfile", "FROM scratch\n")
    assert changed()
    write(function.folder / "__pycache__/bye.pyc", "")
    assert not changed()


def test_a_change_of_the_code_leaves_the_packages_alone(function: Function) -> None:
    before = function.packages.key
    write(function.folder / "hello.py", "")
    assert function.packages.key == before


def test_the_base_is_made_of_debian_packages_where_there_are_some(machine: Path) -> None:
    assert isinstance(base(), UpstreamPython)
    write(machine / "apt-get", "", mode=0o755)
    assert isinstance(base(), DebianPython)


def test_the_builder_is_the_one_asked_for_or_what_there_is(machine: Path) -> None:
    with pytest.raises(Unsupported, match="none is to be had"):
        builder()
    install(machine, "docker")
    assert builder().name == "docker"
    install(machine, "podman")
    assert builder().name == "podman"
    write(machine / "apt-get", "", mode=0o755)
    assert builder().name == "buildah"
    os.environ["LAB_BUILDER"] = "docker"
    assert builder().name == "docker"
    os.environ["LAB_BUILDER"] = "kaniko"
    with pytest.raises(UsageError, match="kaniko"):
        builder()


@pytest.mark.parametrize(
    ("name", "form", "insecure"),
    [("podman", ["--format", "oci-archive"], ["--tls-verify=false"]), ("docker", [], [])],
)
def test_podman_and_docker_build_and_push(
    function: Function, machine: Path, name: str, form: list[str], insecure: list[str]
) -> None:
    """With stand-ins: what is asked of them, not what they do."""
    install(machine, name)
    reference = function.push(address="registry.test:5000")
    assert function.archive.read_text() == "image\n"
    build, save, *pushed = calls()
    containerfile, context = build[5], build[8]
    assert build == [
        name, "build", "--build-arg", f"BASE={UpstreamPython.reference}", "--file", containerfile,
        "--tag", reference, context,
    ]  # fmt: skip
    assert save[:2] + save[2:-3] == [name, "save", *form]
    assert save[-1] == reference
    target = f"registry.test:5000/lab/hello:{function.artifact.key}"
    assert pushed == [
        [name, "load", "--quiet", "--input", str(function.archive)],
        [name, "tag", reference, target],
        [name, "push", *insecure, target],
    ]
    recipe = Path(os.environ["CALLS"] + ".recipe").read_text()
    assert recipe == function.recipe.read_text()
    assert not Path(context).exists()


@pytest.mark.usefixtures("function")
def test_what_is_built_is_not_built_again(machine: Path) -> None:
    install(machine, "podman")
    functions.build(["hello"])
    before = calls()
    functions.build(["hello"])
    assert calls() == before


def test_what_is_not_python_is_told_before_anything_is_built(
    function: Function, machine: Path
) -> None:
    install(machine, "podman")
    write(function.folder / "hello.py", "print(\n")
    with pytest.raises(CommandError, match=r"/opt/function/hello\.py|was never closed"):
        functions.build(["hello"])
    assert not function.artifact.exists
    assert not Path(os.environ["CALLS"]).exists()


def test_modules_are_compiled_for_where_they_will_be(tmp_path: Path) -> None:
    write(tmp_path / "hello.py", "")
    compile_all(UpstreamPython.interpreter, tmp_path, "/opt/function")
    (compiled,) = (tmp_path / "__pycache__").iterdir()
    assert b"/opt/function/hello.py" in compiled.read_bytes()
    # Flags 1: by hash, and never compared with the source.
    assert compiled.read_bytes()[4:8] == b"\x01\x00\x00\x00"


@pytest.mark.parametrize("line", ["requests", "requests==2.32.0", "flask>=3  # --hash=none"])
def test_packages_without_a_hash_are_refused_before_anything_is_fetched(
    function: Function, machine: Path, line: str
) -> None:
    install(machine, "podman")
    write(function.folder / "requirements.txt", f"# names\n{line}\n")
    with pytest.raises(LabError, match=r"requirements\.txt pins no hashes") as refused:
        function.packages.build()
    assert refused.value.seen == line.partition(" ")[0]
    assert "uv pip compile" in refused.value.remedy


def test_pinned_packages_have_hashes() -> None:
    for file in functions.FUNCTIONS.rglob("requirements.txt"):
        requirements._demand_hashes(file)


def test_uv_takes_packages_from_where_pip_does(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "global.index-url='https://mirror.test/simple'\n:env:.cert='/etc/ssl/x.crt'\n"
    monkeypatch.setattr(requirements, "run", lambda _: said)
    assert requirements._index() == {
        "UV_DEFAULT_INDEX": "https://mirror.test/simple",
        "SSL_CERT_FILE": "/etc/ssl/x.crt",
    }
