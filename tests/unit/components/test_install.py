"""lab_helpers.components._install, _removal and _objects, as far as they need no cluster"""

from __future__ import annotations

from typing import Any

import pytest

from lab_helpers import UsageError, components
from lab_helpers.components import _choice, _install, _record, _removal
from lab_helpers.components._record import Entry

from .conftest import CONNECTION, Declare


class Provider:
    name = "embedded"

    def connection(self) -> Any:
        return CONNECTION


def test_what_is_needed_comes_first_and_once(declare: Declare) -> None:
    declare("base")
    declare("left", needs=["base"])
    declare("right", needs=["base"])
    declare("top", needs=["left", "right"])
    assert _install._with_needs("top", "embedded") == ["base", "left", "right", "top"]
    assert _install._with_needs("base", "embedded") == ["base"]


def test_a_need_that_there_is_not_is_refused(declare: Declare) -> None:
    declare("top", needs=["nothing"])
    with pytest.raises(UsageError, match="there is no component 'nothing'"):
        components.enable(Provider(), "top")  # type: ignore[arg-type]


def test_what_is_for_other_clusters_is_refused(declare: Declare) -> None:
    declare("here")
    declare("there", clusters=["microk8s"], instead="./lab enable here")
    with pytest.raises(
        UsageError, match="there is not for this cluster, but for: micro"
    ) as refused:
        components.enable(Provider(), "there")  # type: ignore[arg-type]
    assert refused.value.remedy == "./lab enable here"


def test_what_is_for_other_clusters_is_not_needed(declare: Declare) -> None:
    declare("there", clusters=["microk8s"], instead="nothing")
    declare("top", needs=["there"])
    assert _install._with_needs("top", "embedded") == ["top"]
    assert _install._with_needs("top", "microk8s") == ["there", "top"]


@pytest.mark.parametrize(
    ("kind", "there", "taken"),
    [
        ("embedded", [], "a-stand-in"),
        ("microk8s", [], "real"),
        ("kubeconfig", [], "real"),
        ("kubeconfig", ["a-stand-in"], "a-stand-in"),
        ("kubeconfig", ["real"], "real"),
    ],
)
def test_a_system_is_what_provides_it_and_fits(
    kind: str, there: list[str], taken: str, declare: Declare, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare("a-stand-in", provides="system")
    declare("another")
    declare("real", provides="system", clusters=["microk8s", "kubeconfig"], instead="a-stand-in")
    known = {name: Entry("enabled", "v1") for name in there}
    monkeypatch.setattr(_record, "enabled", lambda _: known)
    provider: Any = Provider()
    provider.name = kind
    assert _choice.chosen(provider, "system") == taken
    assert _choice.chosen(provider, "another") == "another"


def test_what_is_needed_is_not_disabled(declare: Declare, monkeypatch: pytest.MonkeyPatch) -> None:
    declare("base")
    declare("top", needs=["base"])
    known = {"base": Entry("enabled", "v1"), "top": Entry("enabling", "v1")}
    monkeypatch.setattr(_record, "enabled", lambda _: known)
    with pytest.raises(UsageError, match="base is needed by top") as refused:
        components.disable(Provider(), "base")  # type: ignore[arg-type]
    assert refused.value.remedy == "./lab disable top"


@pytest.mark.parametrize("change", [components.enable, components.disable])
def test_an_unknown_component_is_refused_before_the_cluster_is_asked(
    change: Any, declare: Declare
) -> None:
    declare("one")
    with pytest.raises(UsageError, match="there is no component 'two'"):
        change(None, "two")


def made(name: str, *, owner: str = "", going: bool = False) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "uid": name}
    if owner:
        metadata["ownerReferences"] = [{"uid": owner}]
    if going:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return {"apiVersion": "example.org/v1", "kind": "Thing", "metadata": metadata}


def test_owners_go_before_what_they_own(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        made("owner"), made("owned", owner="owner"), made("orphan", owner="gone"),
        made("elsewhere", owner="a-deployment"), made("going", going=True),
    ]  # fmt: skip
    deleted: list[str] = []
    monkeypatch.setattr(_removal, "get", lambda *_: found)
    monkeypatch.setattr(_removal, "run_kubectl", lambda *_, stdin: deleted.append(stdin))
    assert _removal._delete_unowned(CONNECTION, "things.example.org") == found
    names = [line.split()[-1] for text in deleted for line in text.splitlines() if "name:" in line]
    assert names == ["owner", "orphan", "elsewhere"]
