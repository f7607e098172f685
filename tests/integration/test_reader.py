"""What is read without kubectl is what kubectl shows, and what it would have refused"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from lab_helpers import CommandError, Lab
from lab_helpers._reader import _DISCOVERY, Reader, reader
from lab_helpers.components._objects import existing

KIND = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: readables.reader.example.org}
spec:
  group: reader.example.org
  scope: Namespaced
  names: {kind: Readable, plural: readables, singular: readable, shortNames: [rdb]}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object}}
"""


def shown(lab: Lab, *asked: str) -> dict[str, object]:
    """What kubectl shows of it."""
    found: dict[str, object] = json.loads(lab.kubectl("get", *asked, "-o", "json"))
    return found


@pytest.mark.parametrize("kind", [
    "nodes", "no", "Node", "storageclasses", "sc", "crd", "clusterroles",
    "customresourcedefinitions.apiextensions.k8s.io", "storageclasses.v1.storage.k8s.io",
])  # fmt: skip
def test_kinds_have_all_the_names_that_kubectl_knows(lab: Lab, kind: str) -> None:
    def names(listed: dict[str, object]) -> list[tuple[str, str, str]]:
        items = listed["items"]
        assert isinstance(items, list)
        return [(each["apiVersion"], each["kind"], each["metadata"]["name"]) for each in items]

    assert names(lab.get(kind)) == names(shown(lab, kind, "--all-namespaces"))


def test_an_object_is_what_kubectl_shows(lab: Lab, namespace: str) -> None:
    lab.kubectl("create", "configmap", "one", "--from-literal=a=b", "-n", namespace)
    expected = shown(lab, "configmap", "one", "-n", namespace)
    assert lab.get("configmap", "one", namespace=namespace) == expected
    assert lab.get("cm", "kube-root-ca.crt") == shown(lab, "cm", "kube-root-ca.crt")


def test_objects_are_chosen_by_kinds_and_labels(lab: Lab, namespace: str) -> None:
    for name in ("one", "two"):
        lab.kubectl("create", "configmap", name, "-n", namespace)
        lab.kubectl("create", "serviceaccount", name, "-n", namespace)
        lab.kubectl("label", "cm/" + name, "sa/" + name, f"of={name}", "-n", namespace)
    found = lab.get("configmaps,serviceaccounts", namespace=namespace, selector="of in (two)")
    named = [(each["kind"], each["metadata"]["name"]) for each in found["items"]]
    assert named == [("ConfigMap", "two"), ("ServiceAccount", "two")]


@pytest.mark.parametrize("asked", [
    ("configmap", "none", "-n", "default"), ("deployment", "none", "-n", "default"),
    ("namespace", "none"),
])  # fmt: skip
def test_what_is_not_there_is_refused_in_the_same_words(lab: Lab, asked: tuple[str, ...]) -> None:
    with pytest.raises(CommandError) as theirs:
        lab.kubectl("get", *asked)
    with pytest.raises(CommandError) as ours:
        lab.get(asked[0], asked[1], namespace=asked[-1] if asked[2:] else "")
    assert ours.value.output.strip() == theirs.value.output.strip()
    assert "kubectl get" in str(ours.value)


@pytest.mark.parametrize("name", ["a/b", "a?watch=1", "%2e", "x#y"])
def test_a_name_leads_nowhere_else(lab: Lab, name: str) -> None:
    with pytest.raises(CommandError, match=f"no object has the name.*{re.escape(name)}"):
        lab.get("configmap", name, namespace="default")


def test_kinds_come_and_go(lab: Lab) -> None:
    with pytest.raises(CommandError, match="doesn't have a resource type 'readables'"):
        lab.get("readables")
    try:
        lab.kubectl("apply", "-f", "-", stdin=KIND)
        lab.wait("crd/readables.reader.example.org", "Established")
        for name in ("readables", "rdb", "readable", "readables.reader.example.org"):
            lab.wait_until("the new kind", lambda each=name: "items" in lab.get(each), timeout=20)
    finally:
        lab.delete("crd", "readables.reader.example.org")

    def gone() -> bool:
        try:
            lab.get("readables")
        except CommandError as refused:
            return "doesn't have a resource type" in refused.output
        return False

    lab.wait_until("the kind to be gone", gone, timeout=20)


def test_a_server_that_is_not_there(lab: Lab, tmp_path: Path) -> None:
    elsewhere = tmp_path / "kubeconfig"
    text = lab.connection.kubeconfig.read_text()
    elsewhere.write_text(re.sub(r"server: \S+", "server: https://127.0.0.1:1", text))
    nobody = reader(replace(lab.connection, kubeconfig=elsewhere))
    with pytest.raises(CommandError, match=r"no answer from the server https://127\.0\.0\.1:1"):
        nobody.get("nodes")


def test_what_may_be_missing_is_found_or_not(lab: Lab, namespace: str) -> None:
    asked = reader(lab.connection)
    account = asked.find("serviceaccount", "default", namespace="kube-system")
    assert account == asked.get("serviceaccount", "default", namespace="kube-system")
    assert asked.find("configmap", "nobody", namespace=namespace) is None
    assert asked.find("thing.example.org", "nobody") is None
    with pytest.raises(CommandError, match="no object has the name"):
        asked.find("namespace", "default/pods")


def test_kinds_of_one_name_are_told_apart_by_their_group(lab: Lab) -> None:
    wanted = [
        {"apiVersion": f"{group}v1", "kind": "Service", "metadata": {"name": "kubernetes"}}
        for group in ("", "serving.knative.dev/", "nowhere.example.org/")
    ]
    core = lab.get("service", "kubernetes", namespace="default")
    assert existing(lab.connection, wanted) == [core]


def test_a_kind_of_a_server_that_is_away_hides_no_other(lab: Lab) -> None:
    """As those of the metrics server are, in the first seconds of a cluster."""
    away = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": "v1.away.example.org"},
        "spec": {
            "group": "away.example.org", "version": "v1", "groupPriorityMinimum": 1000,
            "versionPriority": 1, "service": {"namespace": "default", "name": "nowhere"},
        },
    }  # fmt: skip
    lab.kubectl("create", "-f", "-", stdin=json.dumps(away))
    try:
        asked = Reader(lab.api)
        lab.wait_until(
            "the group to be known",
            lambda: "away.example.org" in str(asked._ask("/apis", accept=_DISCOVERY)),
        )
        assert asked.get("namespaces", "default")["kind"] == "Namespace"
        with pytest.raises(CommandError, match="doesn't have a resource type 'things"):
            asked.get("things.away.example.org")
    finally:
        lab.delete("apiservice", "v1.away.example.org")
