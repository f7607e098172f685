"""Components that a test makes up, in the place of the course's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab_helpers.cluster import Connection
from lab_helpers.components import Declaration, _declaration, declaration

Declare = Callable[..., Declaration]
SAID = {
    "title": "Made up",
    "chapter": "03",
    "licence": "Apache-2.0",
    "upstream": {"page": "https://example.org/", "status": "made up"},
}
"""What every component says; it has a module's version, too, or a release."""
CONNECTION = Connection(
    "embedded", Path("/c/kubeconfig"), "localhost", 8080, "localhost:32000", "localhost:32001",
    Path("/c/bin/kubectl"),
)  # fmt: skip


@pytest.fixture
def declare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Declare]:
    """Writes a declaration and reads it."""
    monkeypatch.setattr(_declaration, "COMPONENTS", tmp_path / "components")
    monkeypatch.setattr(_declaration, "ROOT", tmp_path)

    def write(name: str, /, **said: Any) -> Declaration:
        folder = tmp_path / "components" / name
        folder.mkdir(parents=True, exist_ok=True)
        version = {} if "module" in said else {"release": "v1.0.0"}
        (folder / "component.yaml").write_text(yaml.safe_dump({**SAID, **version, **said}))
        _declaration.declaration.cache_clear()
        return declaration(name)

    yield write
    _declaration.declaration.cache_clear()
