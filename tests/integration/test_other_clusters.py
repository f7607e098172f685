"""Any cluster through its kubeconfig: the embedded one, as if somebody else had made it.

Its kubeconfig is one of several files, and the current context leads elsewhere. It has a second
registry, and its pages have another domain.
"""

from __future__ import annotations

import json
import socket
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from string import Template
from typing import Any

import httpx
import pytest
import yaml

from lab_helpers import CommandError, Lab, _http, _wait, _yaml
from lab_helpers._config import ROOT, environment, settings
from lab_helpers._exec import PYTHON, run, spawn
from lab_helpers.images import CATALOGUE, REGISTRY

from .support import serve, show

OBJECTS = Path(__file__).parent / "objects"
CONTEXT = "cloud:eu/one"
WRONG = "the-current-one"
DOMAIN = "other.localhost"
LEARNER = "visitor"
PODINFO = CATALOGUE["podinfo"].reference
ALL_OF_THEM = "namespaces,deployments,daemonsets,services,configmaps,customresourcedefinitions"


@dataclass(frozen=True)
class Foreign:
    """The cluster as a visitor has it.

    :ivar files: the value of KUBECONFIG.
    :ivar registry: where both this machine and the cluster find the second registry.
    :ivar pages: ``HOST:PORT`` of its pages.
    """

    files: str
    registry: str
    pages: str

    def command(self, *arguments: str | Path, timeout: float = 120, **variables: str) -> str:
        """Run ``./lab`` with nothing but a kubeconfig."""
        # What `./lab test` says about the cluster is not for a visitor.
        own = {"LAB_CLUSTER": "", "KUBECONFIG": self.files, **variables}
        return run([ROOT / "lab", *arguments], env=environment(**own), timeout=timeout)

    def lab(self, *arguments: str | Path, timeout: float = 120, **variables: str) -> str:
        named = {"LAB_CLUSTER": "kubeconfig", "LAB_CONTEXT": CONTEXT, **variables}
        return self.command(*arguments, timeout=timeout, **named)

    def python(self, program: str) -> str:
        """Run a program as a shell or a kernel that is connected would."""
        script = f'eval "$({ROOT}/lab env)"; exec "$@"'
        own = environment(LAB_CLUSTER="kubeconfig", LAB_CONTEXT=CONTEXT, KUBECONFIG=self.files)
        words = ["sh", "-euc", script, "sh", *PYTHON, "-W", "error", "-c", program]
        return run(words, env=own, cwd=ROOT, timeout=120)


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[socket.socket]:
    """Where the current context leads: a listener that nobody may call."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


@pytest.fixture(scope="module")
def files(lab: Lab, elsewhere: socket.socket, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two kubeconfigs, as kubectl finds them; the first one is in charge."""
    folder = tmp_path_factory.mktemp("kube")
    given = yaml.safe_load(lab.connection.kubeconfig.read_text())
    cluster, user = given["clusters"][0]["cluster"], given["users"][0]["user"]
    # Beside the file, as many tools have it.
    authority = b64decode(cluster.pop("certificate-authority-data"))
    (folder / "authority.pem").write_bytes(authority)
    cluster["certificate-authority"] = "authority.pem"
    user = {"exec": _plugin(folder, user)}
    port = elsewhere.getsockname()[1]
    contents = {
        "first": _kubeconfig(WRONG, {"server": f"http://127.0.0.1:{port}"}, {}),
        "second": _kubeconfig(CONTEXT, cluster, user),
    }
    for name, content in contents.items():
        (folder / name).write_text(_yaml.dump(content))
    return ":".join(str(folder / name) for name in contents)


def _plugin(folder: Path, user: dict[str, Any]) -> dict[str, Any]:
    """A program that says who somebody is, as clouds have it, beside the kubeconfig."""
    pem = {name: b64decode(user[f"client-{name}-data"]).decode() for name in ("certificate", "key")}
    version = "client.authentication.k8s.io/v1"
    credential = {
        "apiVersion": version,
        "kind": "ExecCredential",
        "status": {"clientCertificateData": pem["certificate"], "clientKeyData": pem["key"]},
    }
    program = folder / "login"
    program.touch(mode=0o700)
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(credential)}\nEND\n")
    return {"apiVersion": version, "command": "./login", "interactiveMode": "Never"}


def _kubeconfig(context: str, cluster: dict[str, Any], user: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "clusters": [{"name": f"{context}-cluster", "cluster": cluster}],
        "users": [{"name": f"{context}-user", "user": user}],
        "contexts": [
            {
                "name": context,
                "context": {"cluster": f"{context}-cluster", "user": f"{context}-user"},
            }
        ],
    }


@pytest.fixture(scope="module")
def registry(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A second registry, at the same name for this machine and for the node."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    namespace = "second-registry"
    text = Template((OBJECTS / "second-registry.yaml").read_text())
    objects = text.substitute(port=port, image=CATALOGUE["registry"].reference)
    lab.kubectl("create", "namespace", namespace)
    try:
        lab.kubectl("apply", "--server-side", "-n", namespace, "-f", "-", stdin=objects)
        lab.wait("pod/registry", "Ready", namespace=namespace)
        cluster: list[str | Path] = [
            lab.connection.kubectl,
            "--kubeconfig",
            lab.connection.kubeconfig,
        ]
        pod = ["pod/registry", "--namespace", namespace]
        forward = [*cluster, "port-forward", *pod, str(port)]
        log = tmp_path_factory.mktemp("forward") / "log"
        with spawn(forward, log=log) as process:
            try:
                _wait.until("the second registry", partial(_answers, port, log), timeout=30)
                yield f"localhost:{port}"
            finally:
                process.terminate()
    finally:
        lab.kubectl("delete", "namespace", namespace, "--wait=false")


def _answers(port: int, log: Path) -> None:
    try:
        httpx.get(f"http://localhost:{port}/v2/", trust_env=False).raise_for_status()
    except httpx.HTTPError as refused:
        raise _wait.NotYet(f"{refused}: {log.read_text()}") from refused


@pytest.fixture(scope="module")
def foreign(lab: Lab, files: str, registry: str) -> Foreign:
    return Foreign(files, registry, f"{DOMAIN}:{lab.connection.ingress_port}")


@pytest.fixture(scope="module")
def up(foreign: Foreign) -> Iterator[str]:
    """It is taken up, with everything said as options; what that prints is kept."""
    said = ["--registry", foreign.registry, "--domain", foreign.pages]
    yield foreign.command("up", "--cluster", "kubeconfig", "--context", CONTEXT, *said)
    # The whole of the course on the cluster is not this module's to remove.
    foreign.lab("down", LAB_LEARNER=LEARNER)


@pytest.fixture(scope="module")
def mine(lab: Lab) -> Iterator[str]:
    """Something of the visitor's own on the cluster."""
    name, group = "mine", "shelves.example.org"
    objects = Template((OBJECTS / "mine.yaml").read_text()).substitute(name=name, group=group)
    lab.kubectl("apply", "--server-side", "-f", "-", stdin=objects)
    yield name
    lab.kubectl("delete", "--wait=false", "-f", "-", stdin=objects)


def seen(lab: Lab) -> dict[str, str]:
    """What must not change: all of these objects that are the course's by no label."""
    listed = json.loads(lab.kubectl("get", ALL_OF_THEM, "-A", "-o", "json"))["items"]
    return {
        "/".join((each["kind"], meta.get("namespace", ""), meta["name"])): version(each)
        for each in listed
        for meta in [each["metadata"]]
        if not any("lab" in label for label in meta.get("labels", {}))
        # What other tests leave for the cluster to remove.
        if not meta.get("namespace", meta["name"]).startswith("test-")
    }


def version(each: dict[str, Any]) -> str:
    """When it was changed, for what somebody else counts in ``status`` not the count of that."""
    meta = each["metadata"]
    return f"{meta['uid']} {meta.get('generation') or meta['resourceVersion']}"


@pytest.mark.parametrize("arguments", [["status"], ["up"], ["up", "--context", "no-such"]])
def test_a_context_has_to_be_named(foreign: Foreign, arguments: list[str]) -> None:
    with pytest.raises(CommandError) as refused:
        foreign.command(*arguments, "--cluster", "kubeconfig")
    assert refused.value.returncode == 2
    assert f"{CONTEXT}, {WRONG}" in refused.value.output


def test_a_cluster_elsewhere_needs_a_domain(foreign: Foreign) -> None:
    with pytest.raises(CommandError, match="exit code 2") as refused:
        foreign.lab("up")
    assert "--domain" in refused.value.output


@pytest.mark.usefixtures("up")
def test_status_says_where_it_is(foreign: Foreign) -> None:
    found = json.loads(foreign.lab("status", "--json"))["cluster"]
    assert found["provider"] == "kubeconfig"
    assert found["state"] == "running"
    assert found["pages"] == f"http://NAME.{foreign.pages}"
    assert found["registry"] == foreign.registry


@pytest.mark.usefixtures("up")
def test_kubectl_and_a_connected_shell_reach_it(lab: Lab, foreign: Foreign) -> None:
    nodes = lab.kubectl("get", "nodes", "-o", "name")
    assert foreign.lab("kubectl", "get", "nodes", "-o", "name") == nodes
    program = "from lab_helpers import connect; print(connect().connection)"
    assert "provider='kubeconfig'" in foreign.python(program)


@pytest.mark.usefixtures("up")
def test_what_is_kept_of_it_is_one_context_for_one_user() -> None:
    (kept,) = settings().clusters.glob("kubeconfig-cloud-eu-one-*/kubeconfig")
    assert kept.stat().st_mode & 0o077 == 0
    content = yaml.safe_load(kept.read_text())
    assert [each["name"] for each in content["contexts"]] == [CONTEXT]
    assert "certificate-authority-data" in content["clusters"][0]["cluster"]


@pytest.mark.usefixtures("up")
def test_an_image_goes_through_the_second_registry_to_a_page_of_the_other_domain(
    lab: Lab, foreign: Foreign, namespace: str
) -> None:
    CATALOGUE["podinfo"].artifact.build()
    archive = CATALOGUE["podinfo"].archive
    load = "from lab_helpers.cluster import provider; from pathlib import Path; "
    foreign.python(f"{load} provider().load_images({{ {PODINFO!r}: Path({str(archive)!r}) }})")
    image = PODINFO.replace(REGISTRY, foreign.registry)
    serve(lab, namespace)
    show(lab, namespace, f"hello.{DOMAIN.removesuffix('.localhost')}")
    lab.kubectl("set", "image", "deployment/web", f"podinfo={image}", "-n", namespace)
    lab.kubectl("rollout", "status", "deployment/web", "-n", namespace, "--timeout=60s")
    # Under the name that it was imported with it can still be had: that cannot be pulled.
    lab.kubectl("set", "image", "deployment/web", f"podinfo={PODINFO}", "-n", namespace)
    lab.kubectl("rollout", "status", "deployment/web", "-n", namespace, "--timeout=60s")
    assert f'Successfully pulled image "{image}"' in lab.events(namespace, lines=100)
    program = "from lab_helpers import connect; print(connect().wait_for_page('hello', '/healthz'))"
    address = foreign.python(program).strip()
    assert address == f"http://hello.{foreign.pages}/healthz"
    with _http.client() as client:
        assert client.get(address).status_code == httpx.codes.OK


@pytest.mark.usefixtures("up")
def test_an_image_is_taken_away_where_the_registry_lets_go(lab: Lab, foreign: Foreign) -> None:
    """The second registry refuses, and that is only said; the cluster's own deletes."""
    archive = CATALOGUE["podinfo"].archive
    name = f"{REGISTRY}/taken-away:v1"
    program = (
        "import sys; from pathlib import Path; from lab_helpers.cluster import _registry as r; "
        f"r.load({{ {name!r}: Path({str(archive)!r}) }}, sys.argv[1]); "
        f"r.remove([{name!r}, {REGISTRY + '/never-there:v1'!r}], sys.argv[1])"
    )
    for registry, left in ((foreign.registry, True), (lab.connection.registry_address, False)):
        run([*PYTHON, "-W", "error", "-c", program, registry], cwd=ROOT, timeout=60)
        found = httpx.get(
            f"http://{registry}/v2/taken-away/manifests/v1",
            headers={"Accept": "application/vnd.oci.image.manifest.v1+json"}, trust_env=False,
        )  # fmt: skip
        assert found.is_success == left


@pytest.mark.usefixtures("up")
def test_a_chapter_runs_on_it_with_images_of_ours(lab: Lab, foreign: Foreign) -> None:
    """The one that enables a component, makes a function, and serves pages."""
    mine = {"LAB_LEARNER": LEARNER}
    # What the embedded cluster has of it already is the course's, too.
    foreign.lab("disable", "knative-serving", **mine)
    went = foreign.lab("run", "02", timeout=400, **mine)
    assert "passed" in went
    executed = settings().build / f"notebooks-{LEARNER}/02-serve-an-api-with-knative.ipynb"
    pages = f"knative-rest-{LEARNER}-serving-example.knative.{foreign.pages}/users"
    assert pages in executed.read_text()
    images = lab.kubectl(
        "get",
        "pods",
        "-n",
        "knative-serving",
        "-o",
        "jsonpath={.items[*].spec.containers[*].image}",
    )
    assert {image.split("/")[0] for image in images.split()} == {foreign.registry}
    foreign.lab("disable", "knative-serving", **mine)
    # Eventing may be there as well, by another test.
    left = lab.kubectl("get", "namespaces,crds", "-o", "name")
    assert "knative-serving" not in left
    assert "serving.knative.dev" not in left


def label_two_namespaces(lab: Lab, **labels: str) -> None:
    """What a chapter leaves."""
    said = [f"lab.serverless/{name}={value}" for name, value in labels.items()]
    for name in ("course-one", "course-two"):
        lab.kubectl("create", "namespace", name)
        lab.kubectl("label", "namespace", name, *said)
    lab.kubectl("create", "configmap", "of-the-course", "--namespace", "course-one")


def test_down_takes_away_what_is_a_learners_and_nothing_else(
    lab: Lab, foreign: Foreign, mine: str
) -> None:
    foreign.lab("up", LAB_DOMAIN=foreign.pages)
    before = seen(lab)
    label_two_namespaces(lab, chapter="01", learner=LEARNER)
    foreign.lab("down", LAB_LEARNER=LEARNER)
    assert "course-" not in lab.kubectl("get", "namespaces", "-o", "name")
    assert seen(lab) == before
    assert f"ConfigMap/{mine}/mine" in before
    assert "CustomResourceDefinition//shelves.shelves.example.org" in before
    assert "Deployment/kube-system/coredns" in before
    assert list(settings().clusters.glob("kubeconfig-cloud-eu-one-*")) == []
    with pytest.raises(CommandError, match="not connected to the course"):
        foreign.lab("kubectl", "get", "nodes")


def test_nobody_ever_called_where_the_current_context_leads(elsewhere: socket.socket) -> None:
    with pytest.raises(BlockingIOError):
        elsewhere.accept()
