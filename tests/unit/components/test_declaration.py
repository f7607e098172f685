"""lab_helpers.components._declaration"""

from __future__ import annotations

from typing import Any

import pytest

from lab_helpers import LabError, UsageError, components
from lab_helpers.components import _declaration

from .conftest import Declare

MADE = {"name": "lab/a", "image": "podinfo", "upstream": "example.org/a"}
COMPILED = {"name": "ko://b", "program": "example.org/m/cmd/b", "upstream": "example.org/b"}


def test_the_least_is_enough(declare: Declare) -> None:
    found = declare("one")
    assert found.name == found.folder.name == "one"
    assert (found.needs, found.images, found.makes, found.accepts) == ((), (), "", {})


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"helm": "chart"}, "Extra inputs are not permitted"),
        ({"chapter": "3"}, "chapter"),
        ({"chapter": 3}, "chapter"),
        ({"licence": None}, "licence"),
        ({"upstream": {"page": "https://example.org/"}}, "upstream.status"),
        ({"release": "1.0", "because": "x"}, "release"),
        ({"release": None}, "a component has a version"),
        ({"module": "example.org/m", "release": "v1.0.0"}, "needs a reason"),
        ({"images": [{**MADE, "program": "example.org/x"}]}, "either a program or an image"),
        ({"images": [{"name": "a", "upstream": "b"}]}, "which tag is pulled"),
        ({"images": [{"name": "a", "tag": "1", "because": "x"}]}, "which image does upstream"),
        ({"clusters": ["microk8s"]}, "says what the others have instead"),
        ({"clusters": ["minikube"], "instead": "x"}, "'embedded', 'microk8s' or 'kubeconfig'"),
        ({"becomes": {"resource": "thing/a"}}, "becomes.namespace"),
        ({"images": [{"name": "a", "image": "podinfo"}]}, "which image does upstream publish"),
        ({"images": [{**MADE, "files": ["ui"]}]}, "files go beside a program"),
        ({"images": [{**MADE, "tag": "v2"}]}, "a tag of its own needs a reason"),
        ({"images": [{**MADE, "because": "x"}]}, "a tag of its own needs a reason"),
        ({"images": [{**MADE, "digest": "x"}]}, "Extra inputs are not permitted"),
        ({"images": [COMPILED]}, "needs the module"),
        ({"sources": {"a": "example.org/m//a"}}, "needs the module"),
        ({"name": "two"}, "name"),
        ({"clusters": ["embedded"]}, "what the others have instead"),
        ({"instead": "something"}, "what the others have instead"),
        ({"clusters": ["minikube"], "instead": "x"}, "clusters"),
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_refused_in_words(
    said: dict[str, Any], words: str, declare: Declare
) -> None:
    with pytest.raises(LabError, match=r"one/component\.yaml cannot be used") as refused:
        declare("one", **said)
    assert words in refused.value.seen


def test_an_unknown_component_is_refused_with_those_that_there_are(declare: Declare) -> None:
    declare("one")
    declare("two")
    assert components.names() == ["one", "two"]
    with pytest.raises(UsageError, match="there is no component 'three'") as refused:
        components.declaration("three")
    assert refused.value.exit_code == 2
    assert refused.value.remedy == "one, two"


@pytest.mark.parametrize("name", ["..", ".", "", "one/..", "components"])
def test_a_path_is_no_component(name: str, declare: Declare) -> None:
    declare("one")
    with pytest.raises(UsageError):
        components.declaration(name)


def test_patterns_leave_files_out(declare: Declare) -> None:
    found = declare("one", leave_out=["serving/*-hpa.yaml", "net/a.yaml"])
    assert found.takes("serving/web.yaml")
    assert not found.takes("serving/deployments/web-hpa.yaml")
    assert not found.takes("net/a.yaml")
    assert found.takes("net/aa.yaml")


@pytest.mark.parametrize("text", ["", "a: [", "- a\n", "1: a\n"])
def test_what_is_no_declaration_at_all_is_refused(text: str, declare: Declare) -> None:
    (declare("one").folder / "component.yaml").write_text(text)
    _declaration.declaration.cache_clear()
    with pytest.raises(LabError, match="cannot be used"):
        components.declaration("one")


def test_a_declaration_is_not_changed(declare: Declare) -> None:
    found = declare("one")
    with pytest.raises(ValueError, match="frozen"):
        found.title = "Another"  # type: ignore[misc]
