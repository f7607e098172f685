"""lab_helpers.components._secrets"""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Any

import pytest

from lab_helpers.components import _secrets

from .conftest import CONNECTION

URI = "db://{user}:{password}@host/{name}?x"


def secret(data: dict[str, str] | None = None, **annotations: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "app",
            "namespace": "db",
            "annotations": {f"lab.serverless/{key}": text for key, text in annotations.items()},
        },
        "data": {key: b64encode(text.encode()).decode() for key, text in (data or {}).items()},
    }


def held(made: dict[str, Any] | None) -> dict[str, str]:
    assert made is not None
    return {key: b64decode(text).decode() for key, text in made["data"].items()}


def test_a_text_is_composed_of_given_and_random_values() -> None:
    wanted = secret({"user": "app", "name": "n"}, random="password", **{"composed.uri": URI})
    made = held(_secrets._missing(wanted))
    assert set(made) == {"password", "uri"}
    assert made["uri"] == f"db://app:{made['password']}@host/n?x"
    assert len(made["password"]) == 32


def test_what_is_there_is_kept() -> None:
    there = {"user": "app", "name": "n", "password": "known"}
    wanted = secret(there, random="password", **{"composed.uri": URI})
    made = held(_secrets._missing(wanted))
    # All of it: what is left out would be taken for given up.
    assert made == {"password": "known", "uri": "db://app:known@host/n?x"}
    whole = secret({**there, **made}, random="password", **{"composed.uri": URI})
    assert _secrets._missing(whole) is None


def test_another_text_is_composed_anew() -> None:
    there = {"password": "known", "uri": "old"}
    made = held(
        _secrets._missing(secret(there, random="password", **{"composed.uri": "{password}!"}))
    )
    assert made == {"password": "known", "uri": "known!"}


def test_other_objects_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(_secrets, "existing", lambda _, wanted: asked.extend(wanted) or [])
    plain, composed = secret({"a": "b"}), secret({}, **{"composed.uri": "x"})
    _secrets.fill(CONNECTION, [plain, {**composed, "kind": "ConfigMap"}, composed])
    assert asked == [composed]
