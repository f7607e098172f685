"""The files that say what to install agree with each other."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PLATFORMS = ("linux", "darwin")
# What the course promises to use.
PROMISED = {
    "httpx",
    "ipywidgets",
    "jupyterlab",
    "kubernetes",
    "minio",
    "nbval",
    "papermill",
    "psycopg",
    "pymongo",
}


def read_project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def read_lock() -> list[tuple[Requirement, list[str]]]:
    """Each locked requirement with its hashes."""
    text = (ROOT / "requirements.lock").read_text().replace("\\\n", " ")
    lines = [
        line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")
    ]
    return [
        (Requirement(line.split(" --hash=", 1)[0]), re.findall(r"--hash=(\S+)", line))
        for line in lines
    ]


LOCK = read_lock()
PROJECT = read_project()["project"]
RUNTIME = [Requirement(each) for each in PROJECT["dependencies"]]
DEVELOPMENT = [Requirement(each) for each in read_project()["dependency-groups"]["dev"]]


def locked_version(name: str, python: str, platform: str) -> Version | None:
    """The version of a package that this Python on this platform gets."""
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.9",
        "sys_platform": platform,
        "platform_system": {"linux": "Linux", "darwin": "Darwin"}[platform],
        "os_name": "posix",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    versions = [
        Version(next(iter(locked.specifier)).version)
        for locked, _ in LOCK
        if canonicalize_name(locked.name) == canonicalize_name(name)
        and (locked.marker is None or locked.marker.evaluate(environment))
    ]
    assert len(versions) <= 1, f"{name} is locked twice for Python {python} on {platform}"
    return versions[0] if versions else None


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("python", PYTHONS)
def test_the_lock_satisfies_pyproject(python: str, platform: str) -> None:
    for wanted in RUNTIME + DEVELOPMENT:
        version = locked_version(wanted.name, python, platform)
        assert version is not None, f"{wanted.name} is not locked"
        assert version in wanted.specifier, f"{wanted} is locked at {version}"


def test_the_promised_packages_are_runtime_dependencies() -> None:
    assert {canonicalize_name(each.name) for each in RUNTIME} >= PROMISED


def test_every_locked_package_is_pinned_and_has_hashes() -> None:
    assert LOCK
    for requirement, hashes in LOCK:
        assert [each.operator for each in requirement.specifier] == ["=="], requirement
        assert requirement.url is None, requirement
        assert hashes, f"{requirement} has no hash"
        assert all(re.fullmatch("sha256:[0-9a-f]{64}", each) for each in hashes), requirement


def test_the_extras_of_psycopg_are_locked() -> None:
    for name in ("psycopg-binary", "psycopg-pool"):
        assert locked_version(name, "3.11", "linux"), f"{name} is not locked"


def test_the_lock_says_how_it_was_made() -> None:
    header = (ROOT / "requirements.lock").read_text().splitlines()[:2]
    command = header[1].removeprefix("#").strip()
    assert command.startswith("uv pip compile ")
    for part in ("--universal", "--generate-hashes", "pyproject.toml", "-o requirements.lock"):
        assert part in command
    recipe = command.removeprefix("uv pip compile ")
    assert recipe in (ROOT / "justfile").read_text(), "`just lock` runs another command"


def test_the_lock_names_no_place() -> None:
    """No index, no mirror and no folder of the machine that made it."""
    text = (ROOT / "requirements.lock").read_text()
    assert "/" not in text
    assert not re.search(r"\bpypi\b|pythonhosted|localhost", text, re.IGNORECASE)
    assert not re.search(r"^\s*(-i|--(extra-)?index-url|--find-links)\b", text, re.MULTILINE)


@pytest.mark.parametrize("name", ["pyproject.toml", "environment.yml", "justfile", "lab"])
def test_no_registry_is_named(name: str) -> None:
    text = (ROOT / name).read_text()
    assert not re.search(r"https?://|\bpypi\b|pythonhosted", text, re.IGNORECASE)


def read_conda(path: str) -> tuple[dict[str, Any], list[str]]:
    """A conda environment, and what its pip section asks for."""
    environment = yaml.safe_load((ROOT / path).read_text())
    sections = [each for each in environment["dependencies"] if isinstance(each, dict)]
    return environment, [line for section in sections for line in section["pip"]]


def conda_packages(environment: dict[str, Any]) -> list[str]:
    return [each for each in environment["dependencies"] if isinstance(each, str)]


def conda_python(environment: dict[str, Any]) -> str:
    (python,) = (each for each in conda_packages(environment) if each.startswith("python="))
    return python.removeprefix("python=")


def test_conda_installs_the_lock() -> None:
    environment, pip = read_conda("environment.yml")
    assert pip == ["-r requirements.lock"]
    assert conda_python(environment) in SpecifierSet(PROJECT["requires-python"])


def test_binder_installs_the_lock_on_the_same_python() -> None:
    environment, pip = read_conda("binder/environment.yml")
    assert pip == []
    assert conda_packages(environment) == conda_packages(read_conda("environment.yml")[0])
    assert "--require-hashes -r requirements.lock" in (ROOT / "binder/postBuild").read_text()


@pytest.mark.parametrize("path", ["lab", "binder/postBuild", "binder/start"])
def test_scripts_are_executable(path: str) -> None:
    assert (ROOT / path).stat().st_mode & 0o111 == 0o111


def test_binder_opens_a_page_that_exists() -> None:
    workspace = yaml.safe_load((ROOT / "binder/workspace.json").read_text())["data"]
    opened = workspace["layout-restorer:data"]["main"]["current"]
    assert (ROOT / workspace[opened]["data"]["path"]).is_file()


def test_the_licence_is_the_one_named() -> None:
    assert PROJECT["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text()
    for name in PROJECT["license-files"]:
        assert (ROOT / name).is_file()
