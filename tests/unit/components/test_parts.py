"""lab_helpers.components._parts"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from lab_helpers import LabError, components, images, programs
from lab_helpers.components import Declaration, _parts

from .conftest import Declare

MODULE = "example.org/m"
IMAGES = [
    {"name": "ko://a", "program": f"{MODULE}/cmd/a", "upstream": "example.org/a"},
    {"name": "ko://b", "program": f"{MODULE}/cmd/b", "upstream": "example.org/b",
     "tag": "v9.9.9", "because": "the module is not published"},
    {"name": "lab/c", "image": "podinfo", "upstream": "example.org/c"},
]  # fmt: skip


OWN = {"name": "lab/own", "program": "lab/programs/one/own"}


@pytest.fixture
def pinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, declare: Declare) -> Declaration:
    """A component of two programs and an image that others have, too."""
    folder = tmp_path / "programs" / "one"
    folder.mkdir(parents=True)
    (folder / "go.mod").write_text(f"module lab\n\nrequire (\n\t{MODULE} v1.2.3\n)\n")
    (folder / "go.sum").write_text("")
    (tmp_path / "programs" / "podinfo").symlink_to(programs.PROGRAMS / "podinfo")
    monkeypatch.setattr(programs, "PROGRAMS", tmp_path / "programs")
    return declare("one", module=MODULE, images=IMAGES, sources={"config": f"{MODULE}//config"})


def made(component: Declaration) -> list[images.Image]:
    return [_parts.image(component, each) for each in component.images]


def test_all_programs_come_from_one_build(pinned: Declaration) -> None:
    (program,) = components.programs(pinned)
    assert program.packages == (f"{MODULE}/cmd/a", f"{MODULE}/cmd/b")
    assert program.version == "v1.2.3"
    assert {each.source for each in made(pinned)[:2]} == {program}


def test_images_are_named_after_the_component_and_its_version(pinned: Declaration) -> None:
    assert [each.reference for each in made(pinned)] == [
        "localhost:32000/lab/one-a:v1.2.3",
        "localhost:32000/lab/one-b:v1.2.3",
        images.CATALOGUE["podinfo"].reference,
    ]


def test_the_only_program_has_the_components_name_as_go_calls_it(
    pinned: Declaration, declare: Declare
) -> None:
    alone = declare("one", module=MODULE, images=[{**IMAGES[0], "program": f"{MODULE}/cmd"}])
    (image,) = made(alone)
    assert (image.program, image.reference) == ("one", "localhost:32000/lab/one:v1.2.3")
    assert image.source == components.programs(alone)[0]
    assert pinned.name == alone.name


def test_upstreams_images_have_the_same_version_or_a_tag_of_their_own(pinned: Declaration) -> None:
    assert [_parts.upstream_reference(pinned, each) for each in pinned.images] == [
        "example.org/a:v1.2.3",
        "example.org/b:v9.9.9",
        f"example.org/c:{images.CATALOGUE['podinfo'].source.version}",
    ]


def test_a_release_stands_for_the_modules_version(pinned: Declaration, declare: Declare) -> None:
    assert components.version(pinned) == "v1.2.3"
    said: dict[str, Any] = {"module": MODULE, "release": "v1.20.0", "because": "tags differ"}
    renamed = declare("one", images=IMAGES, **said)
    assert components.version(renamed) == "v1.20.0"
    assert made(renamed)[0].reference.endswith(":v1.20.0")


def test_a_module_that_is_not_pinned_is_an_error(pinned: Declaration, declare: Declare) -> None:
    del pinned
    with pytest.raises(LabError, match=r"does not pin example\.org/other"):
        components.version(declare("one", module="example.org/other"))


def test_with_upstreams_images_nothing_is_built_but_manifests_fetched(pinned: Declaration) -> None:
    kinds = [each.name for each in components.artifacts(pinned)]
    assert kinds == ["files-one", "image-one-a", "image-one-b", "image-podinfo"]
    (fetched,) = components.artifacts(pinned, upstream=True)
    assert fetched.name == "files-one"


def test_what_is_only_the_components_is_removed_with_it(pinned: Declaration) -> None:
    assert _parts.own_images(pinned) == tuple(each.reference for each in made(pinned)[:2])


def test_the_courses_own_programs_are_built_for_every_cluster(
    pinned: Declaration, declare: Declare
) -> None:
    (main := programs.PROGRAMS / pinned.name / "own" / "main.go").parent.mkdir()
    main.write_text("package main")
    found = declare("one", module=MODULE, images=[*IMAGES, OWN])
    (program,) = components.programs(found)
    assert program.packages[-1] == "lab/programs/one/own"
    assert [each.name for each in components.artifacts(found, upstream=True)] == ["image-one-own"]
    own = _parts.upstream_reference(found, found.images[-1])
    assert re.fullmatch(r"localhost:32000/lab/one-own:v1\.2\.3-[0-9a-f]{8}", own)
    assert _parts.own_images(found, upstream=True) == (own,)
    # A cluster that has it must notice that it was changed, though its version is the same.
    main.write_text("package main // changed")
    assert _parts.upstream_reference(found, found.images[-1]) != own


def test_build_tags_and_files_beside_a_program_make_another_artefact(
    pinned: Declaration, declare: Declare
) -> None:
    before = [each.artifact.key for each in made(pinned)]
    beside = declare("one", module=MODULE, images=[{**IMAGES[0], "files": ["ui"]}, *IMAGES[1:]])
    assert made(beside)[0].files == components.programs(beside)[0].files == ("ui",)
    tagged = declare("one", module=MODULE, images=IMAGES, tags=["small"])
    for other in (beside, tagged):
        assert made(other)[0].artifact.key != before[0]
        assert made(other)[2].artifact.key == before[2]


def test_another_folder_of_the_module_is_another_artefact(pinned: Declaration) -> None:
    before = _parts.files(pinned).artifact.key
    other = programs.ModuleFiles("one", {"config": f"{MODULE}//other"})
    assert other.artifact.key != before
    (programs.PROGRAMS / "one" / "go.sum").write_text("changed")
    assert _parts.files(pinned).artifact.key != before


def test_a_component_without_programs_compiles_nothing(declare: Declare) -> None:
    found = declare("one", images=[IMAGES[2]], release="v1.2.0")
    assert components.programs(found) == []
    assert components.version(found) == "v1.2.0"
    assert [each.name for each in components.artifacts(found)] == ["image-podinfo"]
