"""Unit tests touch neither the caller's cache nor a cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab_helpers._config import settings

OF_THE_CALLER = (
    "KUBECONFIG", "LAB_BUILD", "LAB_CLUSTER", "LAB_CONTEXT", "LAB_DOMAIN", "LAB_EGRESS",
    "LAB_IMAGES", "LAB_LEARNER", "LAB_NAME", "LAB_REGISTRY", "LAB_SOLVE", "SUDO_GID", "SUDO_UID",
    "XDG_CACHE_HOME",
)  # fmt: skip


@pytest.fixture(autouse=True)
def cache(tmp_path: Path) -> Iterator[Path]:
    """An empty cache, and an environment in which the caller has set nothing."""
    before = dict(os.environ)
    for name in OF_THE_CALLER:
        os.environ.pop(name, None)
    os.environ["LAB_CACHE"] = str(tmp_path / "cache")
    settings.cache_clear()
    folder = settings().cache
    settings.cache_clear()
    yield folder
    os.environ.clear()
    os.environ.update(before)
    settings.cache_clear()
