"""functions/hello-node, functions/hello-java and their bases: what is in the images"""

from __future__ import annotations

import pytest

from lab_helpers import functions
from lab_helpers.bases import base
from lab_helpers.bases._debian import DebianBase
from lab_helpers.functions import Function

from .test_image import Image, unpacked

pytestmark = pytest.mark.skipif(
    not isinstance(base(), DebianBase), reason="upstream's own images are the bases here"
)
PROGRAMS = {"hello-node": "node", "hello-java": "java"}
SHELLS = {"ash", "bash", "busybox", "dash", "sh"}
MOST = {"hello-node": 60e6, "hello-java": 70e6}
"""What a node has to pull, in bytes; it is unpacked to three times that."""


@pytest.fixture(scope="module", params=PROGRAMS)
def function(request: pytest.FixtureRequest) -> Function:
    functions.build([request.param])
    return functions.find(request.param)


@pytest.fixture(scope="module")
def image(function: Function, tmp_path_factory: pytest.TempPathFactory) -> Image:
    return unpacked(function.archive, tmp_path_factory.mktemp("image") / "function")


def test_it_runs_as_an_ordinary_user(image: Image) -> None:
    assert image.config["config"]["User"] == "65532:65532"


def test_its_user_owns_and_may_write_nothing_but_tmp(image: Image) -> None:
    for layer in range(len(image.layers)):
        for file in image.files(layer):
            assert (file.uid, file.gid) == (0, 0), file.name
            assert file.issym() or not file.mode & 0o6022 or file.name == "tmp", file.name
            assert file.issym() or file.mode & 0o004, file.name


def test_there_is_one_program_to_run_and_no_shell(function: Function, image: Image) -> None:
    files = [file for file in image.files(0) if not file.isdir()]
    programs = {f.name for f in files if f.name.startswith(("bin/", "usr/bin/", "usr/sbin/"))}
    assert programs == {f"usr/bin/{PROGRAMS[function.name]}"}
    assert not {file.name.rpartition("/")[2] for file in files} & {*SHELLS, "npm", "npx"}


def test_base_server_and_code_are_layers_of_their_own(function: Function, image: Image) -> None:
    def names(layer: int) -> set[str]:
        return {file.name for file in image.files(layer) if file.isfile()}

    assert names(-2)
    assert all(name.startswith("opt/template/") for name in names(-2))
    assert (
        names(-1)
        == {
            "hello-node": {"opt/function/handler.js"},
            "hello-java": {"opt/function/com/openfaas/function/Handler.class"},
        }[function.name]
    )
    # What a changed function pushes.
    assert image.layers[-1].stat().st_size < 2000


def test_it_is_not_large(function: Function, image: Image) -> None:
    size = sum(layer.stat().st_size for layer in image.layers)
    print(f"{function.name}: {size / 1e6:.1f} MB compressed")
    assert size < MOST[function.name]
