"""lab_helpers.functions and lab_helpers.bases: what is in a function's image"""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from lab_helpers import functions
from lab_helpers._exec import run
from lab_helpers._files import remove_tree, write
from lab_helpers.bases import base
from lab_helpers.bases.python import DebianPython
from lab_helpers.builders import Buildah
from lab_helpers.builds import _building, ensure
from lab_helpers.functions import Function
from lab_helpers.images import buildah

from .made import made

pytestmark = pytest.mark.skipif(
    not isinstance(base(), DebianPython), reason="Python's own image is the base here"
)


class Image(NamedTuple):
    """An OCI archive that was unpacked."""

    config: dict[str, Any]
    layers: list[Path]

    def files(self, layer: int) -> list[tarfile.TarInfo]:
        with tarfile.open(self.layers[layer]) as content:
            return content.getmembers()


def unpacked(archive: Path, folder: Path) -> Image:
    folder.mkdir()
    run(["tar", "-xf", archive, "-C", folder])

    def blob(digest: str) -> Path:
        return folder / "blobs" / digest.replace(":", "/")

    index = json.loads((folder / "index.json").read_text())
    manifest = json.loads(blob(index["manifests"][0]["digest"]).read_text())
    config = json.loads(blob(manifest["config"]["digest"]).read_text())
    return Image(config, [blob(layer["digest"]) for layer in manifest["layers"]])


@pytest.fixture(scope="module", params=["users-api", "hello-python"])
def function(request: pytest.FixtureRequest) -> Function:
    functions.build([request.param])
    return functions.find(request.param)


@pytest.fixture(scope="module")
def image(function: Function, tmp_path_factory: pytest.TempPathFactory) -> Image:
    return unpacked(function.archive, tmp_path_factory.mktemp("image") / "function")


def test_base_packages_and_code_are_layers_of_their_own(
    function: Function, image: Image, tmp_path: Path
) -> None:
    started_from = unpacked(DebianPython().archive, tmp_path / "base")
    assert image.layers[0].name == started_from.layers[0].name
    assert any(file.name.startswith("opt/packages/starlette") for file in image.files(1))
    code = {file.name for file in image.files(-1) if file.isfile()}
    expected = {
        "users-api": {"opt/function/app.py", "opt/function/graceful.py", "opt/function/server.py"},
        "hello-python": {"opt/function/handler.py"},
    }
    assert {name for name in code if name.endswith(".py")} == expected[function.name]
    assert all(name.endswith((".py", ".pyc")) for name in code)
    # What a changed function pushes.
    assert image.layers[-1].stat().st_size < 20_000


def test_functions_of_one_template_share_all_layers_but_their_own(tmp_path: Path) -> None:
    handler = f"# {tmp_path}\ndef handle(event, context): ...\n"
    mine = made(tmp_path, "python3-http", handler__py=handler)
    shared = functions.find("hello-python").artifacts[:-1]
    assert [each.path for each in mine.artifacts[:-1]] == [each.path for each in shared]
    functions.build(["hello-python"])
    hello = unpacked(functions.find("hello-python").archive, tmp_path / "hello")
    ensure(mine.artifacts)
    image = unpacked(mine.archive, tmp_path / "image")
    assert [layer.name for layer in image.layers[:-1]] == [
        layer.name for layer in hello.layers[:-1]
    ]
    assert image.layers[-1].stat().st_size < 2_000
    buildah("rmi", f"localhost:32000/lab/{mine.name}:last")
    remove_tree(mine.artifact.path)


def test_it_runs_as_an_ordinary_user(image: Image) -> None:
    assert image.config["config"]["User"] == "65532:65532"


def test_its_user_owns_and_may_write_nothing_but_tmp(image: Image) -> None:
    for layer in range(len(image.layers)):
        for file in image.files(layer):
            assert (file.uid, file.gid) == (0, 0), file.name
            assert file.issym() or not file.mode & 0o6022 or file.name == "tmp", file.name
            assert file.issym() or file.mode & 0o004, file.name


def test_everything_is_compiled_ahead(image: Image) -> None:
    tag = f"cpython-{DebianPython().python.replace('.', '')}"
    for layer in range(len(image.layers)):
        files = {Path(file.name) for file in image.files(layer) if not file.isdir()}
        # What is in etc is there by a link in the library, too, which is what is compiled.
        sources = {file for file in files if file.suffix == ".py" and file.parts[0] != "etc"}
        compiled = {file.parent / "__pycache__" / f"{file.stem}.{tag}.pyc" for file in sources}
        assert compiled == {file for file in files if file.suffix == ".pyc"}


def test_there_is_no_shell_and_no_package_manager(image: Image) -> None:
    programs = {f.name for f in image.files(0) if f.name.startswith(("usr/bin/", "usr/sbin/"))}
    assert {name.rpartition("/")[2] for name in programs if not name.endswith("/")} <= {
        "python3", f"python{DebianPython().python}",
    }  # fmt: skip


def test_the_base_is_loaded_again_after_the_builder_forgot_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its storage is cleared away after a build; what a registry has must not be sent anew."""
    monkeypatch.setenv("LAB_BUILDER", "buildah")
    monkeypatch.setattr(functions, "FUNCTIONS", tmp_path)
    write(tmp_path / "forgetful/Containerfile", "ARG BASE\nFROM ${BASE}\nCOPY function /opt\n")
    write(tmp_path / "forgetful/main.py", f"# {tmp_path}\n")
    function, started_from = Function("forgetful", tmp_path), DebianPython()
    # Not while somebody else builds with it.
    with _building():
        if Buildah._stored(started_from.reference):
            buildah("rmi", "--force", started_from.reference)
    functions.build([function.name])
    image = unpacked(function.archive, tmp_path / "image")
    assert image.layers[0].name == unpacked(started_from.archive, tmp_path / "base").layers[0].name
    assert any(file.name == "opt/main.py" for file in image.files(-1))
    buildah("rmi", "localhost:32000/lab/forgetful:last")
    for artifact in (function.artifact, function.packages):
        remove_tree(artifact.path)
