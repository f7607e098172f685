"""lab_helpers.images"""

from __future__ import annotations

import re
from string import Template

import pytest

from lab_helpers import components, images
from lab_helpers.bases.python import DebianPython, UpstreamPython
from lab_helpers.components import _parts
from lab_helpers.images import CATALOGUE, IMAGES, Image
from lab_helpers.programs import CATALOGUE as PROGRAMS

OF_COMPONENTS = {
    image.name: image
    for component in map(components.declaration, components.names())
    for image in (_parts.image(component, each) for each in component.images if each.program)
}
ON_A_BASE = {name: image for name, image in CATALOGUE.items() if image.base}
MADE = {**CATALOGUE, **OF_COMPONENTS}
ALL = pytest.mark.parametrize("image", MADE.values(), ids=MADE.keys())
OTHERWISE = {
    "program": "the recipe of every image that is one program and nothing else",
    **dict.fromkeys(
        ("java-base", "node-base", "python-base"), "made by lab_helpers.bases, and tested with it"
    ),
}
AS_ROOT = {"hostpath-provisioner": "folders of volumes belong to whichever user a pod runs as"}


def instructions(image: Image) -> list[tuple[str, str]]:
    recipe = Template((image.recipe / "Containerfile").read_text())
    text = recipe.safe_substitute(program=image.program)
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split()[0], line.partition(" ")[2]) for line in lines]


def test_every_folder_is_an_image_and_every_image_a_folder() -> None:
    folders = {path.parent.name for path in IMAGES.glob("*/Containerfile")}
    assert folders == {*CATALOGUE, *OTHERWISE}
    assert {image.recipe.name for image in MADE.values()} <= folders


@ALL
def test_an_image_holds_nothing_but_the_program_and_what_it_trusts(image: Image) -> None:
    words = {word for word, _ in instructions(image)}
    if image.name in ON_A_BASE:
        assert instructions(image)[:2] == [("ARG", "BASE"), ("FROM", "${BASE}")]
        assert words - {"ENV"} == {"ARG", "FROM", "COPY", "USER", "ENTRYPOINT"}
        return
    assert instructions(image)[0] == ("FROM", "scratch")
    assert words == {"FROM", "COPY", "USER", "ENTRYPOINT"}


@ALL
def test_an_image_runs_as_an_ordinary_user_unless_it_may_not(image: Image) -> None:
    (user,) = (rest for word, rest in instructions(image) if word == "USER")
    uid, _, gid = user.partition(":")
    # Numbers: Kubernetes cannot tell of a name whether it means root.
    assert (int(uid) == 0) == (image.name in AS_ROOT)
    assert (int(gid) == 0) == (image.name in AS_ROOT)


@ALL
def test_an_image_starts_what_it_copies(image: Image) -> None:
    copied = [rest.split()[1] for word, rest in instructions(image) if word == "COPY"]
    (entry,) = (rest for word, rest in instructions(image) if word == "ENTRYPOINT")
    command = re.findall(r'"([^"]+)"', entry)
    if image.name in ON_A_BASE:
        assert command[0] == {"java": "java", "python": "python3"}[image.base]
        # A program in a folder, or a file of options.
        given = command[1].removeprefix("@")
        assert {given, given.rpartition("/")[0]} & set(copied)
        return
    assert command[0] in copied


@ALL
def test_what_an_image_copies_is_the_program_and_what_belongs_to_it(image: Image) -> None:
    copied = [rest.split() for word, rest in instructions(image) if word == "COPY"]
    from_elsewhere = [words for words in copied if words[0].startswith("--from")]
    assert all(words[0] == "--from=certificates" for words in from_elsewhere)
    assert len(copied) > len(from_elsewhere)
    assert not any("$" in part for words in copied for part in words)


@ALL
def test_a_reference_says_registry_name_and_version(image: Image) -> None:
    assert re.fullmatch(r"localhost:32000/lab/[a-z0-9_-]+:v[0-9][\w.-]*", image.reference)
    version = "-".join(filter(None, (image.source.version, image.revision)))
    assert image.reference == f"localhost:32000/lab/{image.name}:{version}"


@ALL
def test_an_images_key_follows_what_goes_into_it(
    image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = image.artifact.key
    assert image.artifact.key == before
    assert Image(image.name, PROGRAMS["etcd"], image.program).artifact.key != before
    monkeypatch.setattr(images, "_RECIPE", "another")
    assert image.artifact.key != before


def test_an_image_on_a_base_follows_the_base(monkeypatch: pytest.MonkeyPatch) -> None:
    image = CATALOGUE["secantusdb"]
    before = image.artifact.key
    monkeypatch.setattr(DebianPython, "inputs", ("another",))
    monkeypatch.setattr(UpstreamPython, "key", "another", raising=False)
    assert image.artifact.key != before


def test_the_programs_of_one_build_are_images_of_their_own() -> None:
    source = PROGRAMS["etcd"]
    one, other = (Image(f"etcd-{name}", source, name) for name in ("one", "other"))
    assert one.recipe == other.recipe == IMAGES / "program"
    assert one.artifact.key != other.artifact.key
