"""lab_helpers.components._secrets"""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Any

import pytest

from lab_helpers import LabError
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


def test_what_another_component_made_is_copied_and_followed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wanted = secret({"user": "app"}, **{"copied.password": "db/source/key"})
    source = secret({"key": "known", "other": "x"})
    source["metadata"]["name"] = "source"

    def existing(_: object, asked: list[dict[str, Any]]) -> list[dict[str, Any]]:
        names = {each["metadata"]["name"] for each in asked}
        return [each for each in (wanted, source) if each["metadata"]["name"] in names]

    applied: list[str] = []
    monkeypatch.setattr(_secrets, "existing", existing)
    monkeypatch.setattr(
        _secrets, "run_kubectl", lambda *_, stdin, **__: applied.append(stdin) or ""
    )
    _secrets.fill(CONNECTION, [wanted])
    assert b64encode(b"known").decode() in applied[0]
    wanted["data"]["password"] = b64encode(b"of another cluster").decode()
    _secrets.fill(CONNECTION, [wanted])
    assert len(applied) == 2
    wanted["data"]["password"] = b64encode(b"known").decode()
    _secrets.fill(CONNECTION, [wanted])
    assert len(applied) == 2


def test_a_source_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = secret({}, **{"copied.password": "db/source/key"})
    monkeypatch.setattr(
        _secrets, "existing",
        lambda _, asked: [each for each in asked if each["metadata"]["name"] == "app"],
    )  # fmt: skip
    with pytest.raises(LabError, match="db/source/key"):
        _secrets.fill(CONNECTION, [wanted])
