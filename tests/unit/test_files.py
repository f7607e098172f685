"""lab_helpers._files"""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab_helpers import LabError, _files
from lab_helpers._config import settings
from lab_helpers._files import locked, read_json, remove_tree, scratch, write, write_json

NOBODY = 65534


@pytest.fixture
def as_ordinary_user() -> Iterator[Path]:
    """A folder of an ordinary user's, whose rights the test has: root may remove anything."""
    folder = Path(tempfile.mkdtemp(prefix="lab-test-"))
    was_root = os.geteuid() == 0
    if was_root:
        os.chown(folder, NOBODY, NOBODY)
        os.seteuid(NOBODY)
    yield folder
    if was_root:
        os.seteuid(0)
    shutil.rmtree(folder)


def test_a_file_is_written_with_the_folders_it_needs(tmp_path: Path) -> None:
    write(tmp_path / "a/b/file", "text")
    assert (tmp_path / "a/b/file").read_text() == "text"


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    write(tmp_path / "file", "old")
    with pytest.raises(UnicodeEncodeError):
        write(tmp_path / "file", "x" * 100_000 + "\ud800")
    assert (tmp_path / "file").read_text() == "old"
    write(tmp_path / "file", "new")
    assert (tmp_path / "file").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_failed_first_write_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(UnicodeEncodeError):
        write(tmp_path / "file", "\ud800")
    assert not (tmp_path / "file").exists()


def test_a_secret_is_never_readable_to_others(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write(tmp_path / "key", "secret", mode=0o600)
    finally:
        os.umask(before)
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


def test_a_readable_file_becomes_a_secret_one(tmp_path: Path) -> None:
    write(tmp_path / "key", "public")
    write(tmp_path / "key", "secret", mode=0o600)
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


def test_a_read_only_tree_is_removed(as_ordinary_user: Path) -> None:
    """Go's module cache is made of such folders."""
    tree = as_ordinary_user / "tree"
    write(tree / "a/b/file", "text")
    for folder in (tree / "a/b", tree / "a", tree):
        folder.chmod(0o500)
    remove_tree(tree)
    assert not tree.exists()


def test_what_a_link_leads_to_is_not_removed(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere/file", "text")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    remove_tree(tmp_path / "tree")
    remove_tree(tmp_path / "link")
    assert (tmp_path / "elsewhere/file").read_text() == "text"
    assert [path.name for path in tmp_path.iterdir()] == ["elsewhere"]


def test_files_dead_links_and_nothing_are_removed_as_well(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "dead").symlink_to("nowhere")
    for name in ("file", "dead", "nothing"):
        remove_tree(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_under_sudo_a_tree_is_given_to_the_caller(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    under_sudo = dataclasses.replace(settings(), owner=(1, 2), is_root=True)
    monkeypatch.setattr(_files, "settings", lambda: under_sudo)
    write(tmp_path / "tree/a/file", "text")
    outside = tmp_path / "outside"
    outside.touch()
    (tmp_path / "tree/link").symlink_to(outside)
    _files.give_to_owner(tmp_path / "tree")
    for name in ("tree", "tree/a", "tree/a/file", "tree/link"):
        found = (tmp_path / name).lstat()
        assert (found.st_uid, found.st_gid) == (1, 2), name
    assert outside.stat().st_uid == 0
    _files.give_to_owner(tmp_path / "not there")


def test_a_lock_that_somebody_holds_is_waited_for_in_vain(tmp_path: Path) -> None:
    with (
        locked(tmp_path / "new/lock", "the first"),
        pytest.raises(LabError, match="is busy: the second") as busy,
        locked(tmp_path / "new/lock", "the second", timeout=0.05),
    ):
        pytest.fail("both had it")
    assert str(tmp_path / "new/lock") in busy.value.seen


def test_a_lock_is_free_again_however_its_holder_ended(tmp_path: Path) -> None:
    hold = """if True:
        import os, signal, sys
        from pathlib import Path
        from lab_helpers._files import locked
        with locked(Path(sys.argv[1]), "something"):
            os.kill(os.getpid(), signal.SIGKILL)
    """
    ended = subprocess.run([sys.executable, "-c", hold, tmp_path / "lock"], check=False)
    assert ended.returncode == -signal.SIGKILL
    with locked(tmp_path / "lock", "something else", timeout=0.05):
        pass
    with pytest.raises(ValueError, match="mine"), locked(tmp_path / "lock", "x", timeout=0.05):
        raise ValueError("mine")


def test_json_comes_back_as_it_was(tmp_path: Path) -> None:
    write_json(tmp_path / "file", {"a": [1, "ä"]})
    assert read_json(tmp_path / "file") == {"a": [1, "ä"]}


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\0\0\0\0", b"\xff\xfe\xfd"], ids=repr)
def test_a_file_that_holds_no_json_object_is_none(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(content)
    assert read_json(tmp_path / "file") is None


def test_a_missing_file_is_none(tmp_path: Path) -> None:
    assert read_json(tmp_path / "file") is None


def test_what_is_worked_in_is_of_the_cache_and_goes(cache: Path) -> None:
    with scratch() as folder, scratch() as another:
        assert folder != another
        assert folder.is_relative_to(cache)
        (folder / "file").write_text("text")
    assert list(folder.parent.iterdir()) == []
