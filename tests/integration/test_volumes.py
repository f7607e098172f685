"""Claims get folders of their own, which outlive pods and go with the claim."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lab_helpers import Lab

from .support import apply, post, show, until_gone


def keep_notes(lab: Lab, namespace: str, name: str) -> str:
    """Run podinfo with a volume and return its page."""
    page = f"{namespace}-{name}"
    apply(lab, namespace, "notes", name=name)
    show(lab, namespace, page, service=name)
    lab.wait(f"deployment/{name}", namespace=namespace)
    lab.wait_for_page(page, "/healthz")
    return page


def folder(lab: Lab, namespace: str, claim: str) -> Path:
    """Where this machine keeps a claim's volume."""
    bound = lab.get("pvc", claim, namespace=namespace)["spec"]["volumeName"]
    inside = Path(lab.get("pv", bound)["spec"]["hostPath"]["path"])
    assert inside.parent == Path("/var/snap/microk8s/common/default-storage")
    return lab.connection.kubeconfig.parent / "storage" / inside.name


def test_the_default_class_is_that_of_microk8s(lab: Lab, namespace: str) -> None:
    (default,) = [c for c in lab.get("storageclasses")["items"] if is_default(c)]
    assert default["metadata"]["name"] == "microk8s-hostpath"
    apply(lab, namespace, "notes", name="notes")
    claim = lab.get("pvc", "notes", namespace=namespace)
    assert claim["spec"]["storageClassName"] == "microk8s-hostpath"


def is_default(storage_class: dict[str, dict[str, dict[str, str]]]) -> bool:
    marks = storage_class["metadata"].get("annotations", {})
    return marks.get("storageclass.kubernetes.io/is-default-class") == "true"


def test_what_is_stored_outlives_the_pod(lab: Lab, namespace: str) -> None:
    page = keep_notes(lab, namespace, "notes")
    stored = post(lab, page, "/store", "written before")["hash"]
    lab.kubectl("rollout", "restart", "deployment/notes", "--namespace", namespace)
    lab.kubectl("rollout", "status", "deployment/notes", "--namespace", namespace)
    lab.wait_for_page(page, "/healthz")
    assert lab.http.get(lab.url(page, f"/store/{stored}")).text == "written before"


@pytest.mark.skipif(os.geteuid() != 0, reason="volumes belong to root on this machine")
def test_two_claims_have_two_folders_that_go_with_them(lab: Lab, namespace: str) -> None:
    hashes = {}
    for name in ("first", "second"):
        hashes[name] = post(lab, keep_notes(lab, namespace, name), "/store", name)["hash"]
    first, second = (folder(lab, namespace, name) for name in hashes)
    assert (first / hashes["first"]).read_text() == "first"
    assert (second / hashes["second"]).read_text() == "second"
    assert not (first / hashes["second"]).exists()
    lab.delete("deployment", "first", namespace=namespace)
    lab.delete("pvc", "first", namespace=namespace)
    until_gone("the folder of a deleted claim to go", first)
    assert (second / hashes["second"]).exists()
