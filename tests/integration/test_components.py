"""Systems come and go without a trace; and adding one takes no Python."""

from __future__ import annotations

import json
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab_helpers import CommandError, Lab, LabError, UsageError, _wait, _yaml, components
from lab_helpers._config import export, settings
from lab_helpers.cluster import provider
from lab_helpers.components import _declaration, _workloads
from lab_helpers.components._rendering import LABEL

from .made_up import KNATIVE, images, objects, write_component
from .support import apply, command, serve

EVENTING = "knative-eventing"
Declare = Callable[..., None]


@pytest.fixture(autouse=True)
def _nothing_enabled(lab: Lab) -> Iterator[None]:
    """Nothing that a test begins with or leaves."""
    while known := components.enabled(lab.connection):
        needed = {need for name in known for need in components.declaration(name).needs}
        for name in sorted(known.keys() - needed):
            components.disable(provider(), name)
    yield
    assert components.enabled(lab.connection) == {}


@pytest.fixture
def declare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Declare]:
    """Puts components into a folder of the test's own, in the place of the course's."""
    folder = tmp_path / "components"
    folder.mkdir()
    monkeypatch.setattr(_declaration, "COMPONENTS", folder)
    _declaration.declaration.cache_clear()
    yield partial(write_component, folder)
    _declaration.declaration.cache_clear()


@pytest.fixture
def untouched(lab: Lab, namespace: str) -> Iterator[None]:
    """Fails a test after which the cluster has objects or images that it had not before."""
    serve(lab, namespace)  # Its image is there from now on, whoever runs it.
    objects_before, images_before = objects(lab), images()
    yield

    def nothing_left() -> None:
        left = objects(lab) - objects_before
        # A pod of the user's ends as slowly as it may: it drains.
        assert [each for each in left if not each.startswith("v1 Pod test-")] == []
        if left:
            raise _wait.NotYet(f"still there: {left}")

    _wait.until("what ran in namespaces of the user's to be gone", nothing_left, timeout=60)
    assert images() - images_before == set()


@pytest.mark.usefixtures("untouched")
def test_disabled_knative_leaves_nothing_behind(lab: Lab, namespace: str) -> None:
    began = time.monotonic()
    command("enable", KNATIVE, timeout=200)
    enabled = time.monotonic()
    entry = components.enabled(lab.connection)[KNATIVE]
    version = components.version(components.declaration(KNATIVE))
    assert (entry.state, entry.version) == ("enabled", version)
    apply(lab, namespace, "knative-service", name="page", min_scale=1, message="")
    lab.wait("ksvc/page", "Ready", namespace=namespace)
    deployed = time.monotonic()
    command("disable", KNATIVE, timeout=200)
    print(f"enable {enabled - began:.1f} s, disable {time.monotonic() - deployed:.1f} s")
    assert components.enabled(lab.connection) == {}
    assert "knative" not in lab.kubectl("api-resources")


@pytest.mark.usefixtures("untouched")
def test_disabled_eventing_leaves_nothing_behind(lab: Lab, namespace: str) -> None:
    began = time.monotonic()
    command("enable", EVENTING, timeout=200)
    enabled = time.monotonic()
    apply(lab, namespace, "events")
    for name in ("broker/default", "trigger/web", "channels/news", "subscription/web"):
        lab.wait(name, "Ready", namespace=namespace)
    made = time.monotonic()
    command("disable", EVENTING, timeout=200)
    print(f"enable {enabled - began:.1f} s, disable {time.monotonic() - made:.1f} s")
    assert components.enabled(lab.connection) == {}
    assert "knative" not in lab.kubectl("api-resources")


@pytest.mark.usefixtures("untouched")
def test_disabled_argo_events_leaves_nothing_behind(lab: Lab, namespace: str) -> None:
    began = time.monotonic()
    command("enable", "argo-events", timeout=200)
    enabled = time.monotonic()
    apply(lab, namespace, "clock")
    lab.wait("eventsource/clock", "Deployed", namespace=namespace)
    made = time.monotonic()
    command("disable", "argo-events", timeout=200)
    print(f"enable {enabled - began:.1f} s, disable {time.monotonic() - made:.1f} s")
    assert components.enabled(lab.connection) == {}
    assert "argoproj" not in lab.kubectl("api-resources")


@pytest.mark.usefixtures("untouched")
def test_disabled_minio_leaves_nothing_behind_and_no_volume(lab: Lab) -> None:
    volumes = lab.connection.kubeconfig.parent / "storage"
    before = set(volumes.iterdir())
    began = time.monotonic()
    command("enable", "minio", timeout=200)
    enabled = time.monotonic()
    assert set(components.enabled(lab.connection)) == {"metallb", "minio"}
    lab.storage().s3.make_bucket("anything")
    assert set(volumes.iterdir()) > before
    with pytest.raises(CommandError, match="metallb is needed by minio"):
        command("disable", "metallb")
    with pytest.raises(LabError, match="seaweedfs is not on this cluster"):
        lab.storage("seaweedfs")
    ready = time.monotonic()
    for name in ("minio", "metallb"):
        command("disable", name, timeout=200)
    print(f"enable {enabled - began:.1f} s, disable {time.monotonic() - ready:.1f} s")

    def gone() -> None:
        if left := set(volumes.iterdir()) - before:
            raise _wait.NotYet(f"still there: {left}")

    _wait.until("the volume to be gone", gone, timeout=30)
    assert "metallb" not in lab.kubectl("api-resources")


def test_enabling_twice_changes_nothing_and_mends_what_is_broken(lab: Lab) -> None:
    command("enable", KNATIVE, timeout=200)
    before = versions(lab)
    began = time.monotonic()
    command("enable", KNATIVE)
    print(f"enable again: {time.monotonic() - began:.1f} s")
    assert versions(lab) == before
    lab.delete("deployment", "activator", namespace=KNATIVE)
    command("enable", KNATIVE)
    assert lab.ready_pods(KNATIVE, "app=activator")
    command("disable", KNATIVE, timeout=200)
    command("disable", KNATIVE)


def versions(lab: Lab) -> dict[str, str]:
    found = lab.kubectl("get", "deployments,configmaps,services", "-n", KNATIVE, "-o", "json")
    return {
        f"{each['kind']}/{each['metadata']['name']}": each["metadata"]["uid"]
        + str(each["metadata"].get("generation", ""))
        for each in json.loads(found)["items"]
    }


def test_a_knative_of_somebody_elses_is_left_alone(lab: Lab) -> None:
    lab.kubectl("create", "namespace", KNATIVE)
    try:
        with pytest.raises(CommandError) as refused:
            command("enable", KNATIVE)
        said = refused.value.output
        assert refused.value.returncode == 1
        assert f"{KNATIVE} cannot be enabled: it is on this cluster already" in said
        assert "Namespace knative-serving" in said
        assert "try:" in said
        assert "knative" not in lab.kubectl("get", "crds", "--output=name")
    finally:
        lab.delete("namespace", KNATIVE)


@pytest.mark.usefixtures("untouched")
def test_adding_a_component_takes_no_python(declare: Declare, lab: Lab) -> None:
    declare("madeup")
    assert components.names() == ["madeup"]
    components.enable(provider(), "madeup")
    assert lab.ready_pods("madeup", "app=web")
    where = lab.get("configmap", "where", namespace="madeup")["data"]
    assert where["page"] == f"http://NAME.localhost:{lab.connection.ingress_port}/"
    (pod,) = lab.pods("madeup")
    assert pod["spec"]["containers"][0]["image"] == where["image"]
    thing(lab, "madeup")
    components.disable(provider(), "madeup")
    components.disable(provider(), "madeup")


def thing(lab: Lab, kind: str, *finalizers: str) -> None:
    """An object of a made-up kind in the default namespace."""
    made = {
        "apiVersion": "example.org/v1",
        "kind": f"Thing{kind}",
        "metadata": {"name": "one", "namespace": "default", "finalizers": list(finalizers)},
    }
    lab.kubectl("create", "-f", "-", stdin=_yaml.dump(made))


@pytest.mark.usefixtures("untouched")
def test_passwords_are_random_and_stay(declare: Declare, lab: Lab) -> None:
    declare("madeup")
    components.enable(provider(), "madeup")
    first = lab.get("secret", "password", namespace="madeup")["data"]
    assert b64decode(first["user"]) == b"admin"
    assert len({first["password"], first["key"]}) == 2
    assert min(len(b64decode(first[key])) for key in ("password", "key")) >= 32
    # Whoever is signed in stays signed in, though all of it is applied again.
    lab.delete("configmap", "where", namespace="madeup")
    components.enable(provider(), "madeup")
    assert lab.get("secret", "password", namespace="madeup")["data"] == first
    # What was lost is made anew.
    lab.delete("secret", "password", namespace="madeup")
    components.enable(provider(), "madeup")
    again = lab.get("secret", "password", namespace="madeup")["data"]
    assert again["user"] == first["user"]
    assert {again["password"], again["key"]} & {first["password"], first["key"]} == set()
    components.disable(provider(), "madeup")


@pytest.mark.usefixtures("untouched")
def test_custom_resources_go_though_nobody_lifts_their_finalizers(
    declare: Declare, lab: Lab
) -> None:
    declare("madeup")
    components.enable(provider(), "madeup")
    thing(lab, "madeup", "example.org/never")
    components.disable(provider(), "madeup")


@pytest.mark.usefixtures("untouched")
def test_pods_in_a_namespace_of_others_have_ended(declare: Declare, lab: Lab) -> None:
    declare("madeup")
    path = _declaration.COMPONENTS / "madeup" / "made-up.yaml"
    wanted = list(yaml.safe_load_all(path.read_text()))
    (deployment,) = (each for each in wanted if each["kind"] == "Deployment")
    deployment["metadata"]["namespace"] = "default"
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    # Long after the last of what owns it has gone.
    container["lifecycle"] = {"preStop": {"sleep": {"seconds": 8}}}
    path.write_text(_yaml.dump_all(wanted))
    components.enable(provider(), "madeup")
    assert lab.ready_pods("default", "app=web")
    components.disable(provider(), "madeup")
    assert not lab.get("pods", namespace="default", selector="app=web")["items"]


@pytest.mark.usefixtures("untouched")
def test_what_is_needed_comes_first_and_goes_last(declare: Declare, lab: Lab) -> None:
    declare("lower")
    declare("upper", needs=["lower"])
    components.enable(provider(), "upper")
    assert list(components.enabled(lab.connection)) == ["lower", "upper"]
    with pytest.raises(UsageError, match="lower is needed by upper") as refused:
        components.disable(provider(), "lower")
    assert refused.value.remedy == "./lab disable upper"
    assert lab.ready_pods("lower", "app=web")
    components.disable(provider(), "upper")
    assert lab.ready_pods("lower", "app=web")
    components.disable(provider(), "lower")


def test_a_definition_of_somebody_elses_is_used_and_left(declare: Declare, lab: Lab) -> None:
    declare("madeup")
    text = (_declaration.COMPONENTS / "madeup" / "made-up.yaml").read_text()
    (definition,) = (
        each for each in yaml.safe_load_all(text) if each["kind"] == "CustomResourceDefinition"
    )
    lab.kubectl("create", "-f", "-", stdin=_yaml.dump(definition))
    try:
        lab.kubectl("wait", "--for=condition=Established", "crd/madeup.example.org")
        thing(lab, "madeup")
        components.enable(provider(), "madeup")
        found = lab.get("crd", "madeup.example.org")
        assert LABEL not in found["metadata"].get("labels", {})
        components.disable(provider(), "madeup")
        assert lab.get("thingmadeup", "one", namespace="default")
    finally:
        lab.delete("crd", "madeup.example.org")


@pytest.fixture
def from_upstream(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bool], None]]:
    """Has components run upstream's images, or those built here again."""
    monkeypatch.setattr(_workloads, "PULL_FAILS_AFTER", 3)
    monkeypatch.setenv("LAB_IMAGES", "")

    def switch(on: bool) -> None:
        export(LAB_IMAGES="upstream" if on else "")

    yield switch
    settings.cache_clear()


@pytest.mark.usefixtures("untouched")
def test_an_image_that_cannot_be_pulled_is_named_and_the_next_try_goes_on(
    declare: Declare, lab: Lab, from_upstream: Callable[[bool], None]
) -> None:
    image: dict[str, Any] = {
        "name": "lab/podinfo", "image": "podinfo", "upstream": "localhost:1/podinfo",
    }  # fmt: skip
    declare("madeup", images=[image])
    from_upstream(True)
    with pytest.raises(LabError, match=r"the image localhost:1/podinfo:\S+ of pod web-") as failed:
        components.enable(provider(), "madeup")
    assert "localhost:1" in failed.value.seen
    assert "run it again" in failed.value.remedy
    assert components.enabled(lab.connection)["madeup"].state == "enabling"
    from_upstream(False)
    components.enable(provider(), "madeup")
    assert components.enabled(lab.connection)["madeup"].state == "enabled"
    assert lab.ready_pods("madeup", "app=web")
    components.disable(provider(), "madeup")
