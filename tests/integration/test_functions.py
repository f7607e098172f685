"""From a changed line to its answer: a function made anew, pushed and released."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from lab_helpers import Lab, functions

from .support import apply

NAME = "users-api"


@pytest.fixture
def changeable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the functions' folder, which the course then takes for its own."""
    folder = tmp_path / "functions"
    shutil.copytree(functions.FUNCTIONS, folder)
    monkeypatch.setattr(functions, "FUNCTIONS", folder)
    return folder / NAME / "app.py"


def release(lab: Lab, namespace: str, message: str) -> None:
    """Push the function as it is now, run it, and wait for its answer."""
    image = lab.push_function(NAME, tag=functions.find(NAME).artifact.key)
    apply(lab, namespace, "function", name="changing", image_of_function=image)
    url = lab.wait_for_service("changing", "/users", namespace=namespace)
    lab.wait_until(
        f"the answer {message!r}",
        lambda: lab.http.get(url, timeout=60).json()["message"] == message,
    )


def test_a_changed_function_answers(lab: Lab, namespace: str, changeable: Path) -> None:
    lab.enable("knative-serving")
    release(lab, namespace, "Users found")
    source = changeable.read_text()
    assert "Users found" in source
    changeable.write_text(source.replace("Users found", f"Users found in {namespace}"))
    began = time.monotonic()
    release(lab, namespace, f"Users found in {namespace}")
    took = time.monotonic() - began
    print(f"a changed function answered after {took:.1f} s")
    assert took < 30, "three times what it may take on a machine that has nothing else to do"


def test_nothing_is_made_of_an_unchanged_function(lab: Lab) -> None:
    lab.push_function(NAME, tag="v1")
    began = time.monotonic()
    lab.push_function(NAME, tag="v1")
    took = time.monotonic() - began
    print(f"an unchanged function was pushed in {took:.1f} s")
    assert took < 10, "five times what it may take on a machine that has nothing else to do"
