"""What ruff and mypy cannot know about this project's style"""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

from lab_helpers._config import ROOT

MODULES = sorted((ROOT / "lab_helpers").rglob("*.py"))
EACH = pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
ONE_PLACE = {
    "subprocess": "_exec.py",
    "time.sleep": "_wait.py",
    "os.environ": "_config.py",
    "os.getenv": "_config.py",
    "os.system": "_exec.py",
    "os.popen": "_exec.py",
}
"""What is done in one module only, for all the others."""


def used(module: Path) -> set[str]:
    """Modules that are imported and names that are taken from them, with their dots."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            names.add(f"{node.value.id}.{node.attr}")
    return names


@EACH
def test_programs_waits_and_the_environment_have_one_place_each(module: Path) -> None:
    elsewhere = {name for name, place in ONE_PLACE.items() if place != module.name}
    assert used(module) & elsewhere == set()


def test_there_is_something_in_each_of_these_places() -> None:
    for name in ("subprocess", "time.sleep", "os.environ"):
        assert name in used(ROOT / "lab_helpers" / ONE_PLACE[name])


@EACH
def test_a_module_fits_in_ones_head(module: Path) -> None:
    assert len(module.read_text().splitlines()) < 300


@EACH
def test_a_module_says_what_it_is_for(module: Path) -> None:
    text = module.read_text()
    assert not text or ast.get_docstring(ast.parse(text))


@pytest.mark.parametrize(
    "manifest",
    sorted((ROOT / "manifests").rglob("*.yaml")),
    ids=lambda path: str(path.relative_to(ROOT / "manifests")),
)
def test_no_manifest_asks_for_the_latest_image(manifest: Path) -> None:
    assert not re.search(r":latest\b|newTag:\s*latest", manifest.read_text())


SECRETS = (
    re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    re.compile(rb"(?:client-key-data|token):\s*[A-Za-z0-9+/=._-]{40,}"),
    re.compile(rb"(?i)\b(?:password|passwd|secret_key)\b\s*[:=]\s*[\"'][^\"'${}<>]{4,}[\"']"),
)


def tracked() -> list[Path]:
    # Whoever owns the clone: under sudo that is somebody else.
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [ROOT / name for name in listed.stdout.split("\0") if name]


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a checkout")
def test_no_tracked_file_holds_a_secret() -> None:
    files = [path for path in tracked() if path.is_file() and path != Path(__file__)]
    assert ROOT / "pyproject.toml" in files
    found = [
        f"{path.relative_to(ROOT)}: {secret.pattern!r}"
        for path in files
        for secret in SECRETS
        if secret.search(path.read_bytes())
    ]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        b"-----BEGIN EC " + b"PRIVATE KEY-----",
        b"-----BEGIN " + b"PRIVATE KEY-----",
        b"client-key-data: " + b"QUJD" * 20,
        b'password = "hunter22"',
    ],
)
def test_a_secret_would_be_found(text: bytes) -> None:
    assert any(secret.search(text) for secret in SECRETS)
