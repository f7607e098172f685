"""MongoDB's stand-in on the cluster: who may do what, what outlives a kill, and what is left"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest
from pymongo.errors import OperationFailure

from lab_helpers import CommandError, Lab, WaitTimeout, _wait, components
from lab_helpers._config import ROOT
from lab_helpers.cluster import provider
from lab_helpers.components._workloads import wait_for_state
from lab_helpers.mongodb import COLLECTION, NAMESPACE, MongoDB
from lab_helpers.openfaas.workflow import OpenFaaS
from lab_helpers.writers import Writers

from .made_up import images, objects
from .support import command
from .test_learners import close

CLUSTER = ROOT / "manifests" / "components" / "percona-mongodb" / "cluster.yaml"
TRIAL = ("apply", "--dry-run=server", "--validate=strict", "-f", "-")
FUNCTION = "crud-mongo"


@pytest.fixture(scope="module")
def before(lab: Lab) -> tuple[set[str], set[str]]:
    """The objects and the images that the cluster has with OpenFaaS and without MongoDB."""
    command("enable", "openfaas", timeout=300)
    if "mongodb-embedded" in components.enabled(lab.connection):
        components.disable(provider(), "mongodb")
    command("build", "mongodb-embedded", timeout=600)
    return objects(lab), images()


@pytest.fixture(scope="module")
def mongodb(lab: Lab, before: object) -> Iterator[Lab]:
    """The cluster with MongoDB."""
    assert before
    began = time.monotonic()
    command("enable", "mongodb", timeout=200)
    print(f"enable mongodb: {time.monotonic() - began:.1f} s")
    yield lab
    if "mongodb-embedded" in components.enabled(lab.connection):
        components.disable(provider(), "mongodb")


@pytest.fixture
def store(mongodb: Lab) -> Iterator[MongoDB]:
    """The component's own application."""
    with mongodb.mongodb() as opened:
        yield opened
        opened.clean_up()


@pytest.fixture(scope="module")
def eve(mongodb: Lab) -> Iterator[Lab]:
    """A learner that nobody else is."""
    learner = Lab(mongodb.connection, chapter="79", learner=f"eve{secrets.token_hex(3)}")
    yield learner
    close(learner)


@pytest.fixture(scope="module")
def faas(lab: Lab, eve: Lab) -> Iterator[OpenFaaS]:
    """The function of that learner, on that learner's database."""
    opened = eve.openfaas()
    with eve.mongodb() as mine:
        opened.secret("mongodb-uri", mine.uri)
    opened.up(FUNCTION)
    yield opened
    lab.delete("namespace", opened.namespace)


def test_what_cannot_run_here_is_refused_and_says_what_can(lab: Lab) -> None:
    with pytest.raises(CommandError) as refused:
        command("enable", "percona-mongodb")
    assert refused.value.returncode == 2
    assert "percona-mongodb is not for this cluster, but for: microk8s" in refused.value.output
    assert "./lab enable mongodb-embedded" in refused.value.output
    assert "percona-mongodb" not in components.enabled(lab.connection)
    assert "percona" not in lab.kubectl("get", "crds", "--output=name")


@pytest.mark.usefixtures("mongodb")
def test_the_real_definitions_judge_the_cluster_resource(lab: Lab) -> None:
    text = CLUSTER.read_text()
    with lab.definitions("percona-mongodb"):
        assert "created (server dry run)" in lab.kubectl(*TRIAL, stdin=text)
        for right, wrong, said in (
            ("size: 3", "size: three", "must be of type integer"),
            ("size: 3", "sise: 3", 'unknown field "spec.replsets[0].sise"'),
            ("  image: lab/mongod\n", "", "spec.image: Required value"),
        ):
            with pytest.raises(CommandError) as refused:
                lab.kubectl(*TRIAL, stdin=text.replace(right, wrong))
            assert said in refused.value.output
    assert "percona" not in lab.kubectl("get", "crds", "--output=name")


def test_a_cluster_of_the_operators_is_ready_when_its_resource_says_so(
    lab: Lab, namespace: str
) -> None:
    """There is no operator here that could say it, so it is said by hand."""
    said = components.declaration("percona-mongodb").becomes
    assert said is not None
    awaited = said.model_copy(update={"namespace": namespace, "within": 2})
    text = CLUSTER.read_text().replace("namespace: mongodb", f"namespace: {namespace}")
    # Nobody is here to finish what finalizers wait for.
    text = re.sub(r"^  finalizers: .*\n", "", text, flags=re.MULTILINE)

    def say(state: str) -> None:
        status = {"state": state, "message": "one of three", "ready": 1, "size": 3}
        lab.kubectl("patch", said.resource, "--namespace", namespace, "--subresource=status",
                    "--type=merge", "--patch", json.dumps({"status": status}))  # fmt: skip

    with lab.definitions("percona-mongodb"):
        lab.kubectl("apply", "--filename", "-", stdin=text)
        with pytest.raises(WaitTimeout, match="perconaservermongodb/course to be ready"):
            wait_for_state(lab.connection, awaited)
        say("initializing")
        with pytest.raises(WaitTimeout) as late:
            wait_for_state(lab.connection, awaited)
        assert late.value.last == "state is 'initializing' one of three"
        say("ready")
        wait_for_state(lab.connection, awaited)


def test_users_are_those_of_an_operators_cluster(lab: Lab, store: MongoDB) -> None:
    for user in ("backup", "clusterAdmin", "clusterMonitor", "databaseAdmin", "userAdmin"):
        assert store.client(user).admin.command("connectionStatus")["authInfo"][
            "authenticatedUsers"
        ] == [{"user": user, "db": "admin"}]
    held = lab.secret("course-secrets", namespace=NAMESPACE)
    passwords = [each for key, each in held.items() if key.endswith("PASSWORD")]
    assert len(set(passwords)) == 5
    assert all(len(each) >= 32 for each in passwords)
    uri = lab.secret("course-app", namespace=NAMESPACE)["uri"]
    assert uri == store.uri
    assert "@course-rs0.mongodb.svc.cluster.local:27017/app?" in uri


def test_learners_do_not_see_each_others_documents(store: MongoDB, eve: Lab) -> None:
    store.database[COLLECTION].insert_one({"name": "Ada"})
    with eve.mongodb() as hers:
        assert hers.name == f"{eve.learner}-app"
        assert hers.database[COLLECTION].count_documents({}) == 0
        for one, other in pairwise([hers, store, hers]):
            with pytest.raises(OperationFailure, match="not authorized"):
                one.client()[other.name][COLLECTION].find_one()


def test_a_client_here_outlives_the_pod(lab: Lab, store: MongoDB) -> None:
    entries = store.database[COLLECTION]
    entries.insert_one({"name": "Ada"})
    lab.kubectl("delete", "pod", "course-rs0-0", "-n", NAMESPACE, "--force", "--grace-period=0")
    assert entries.count_documents({"name": "Ada"}) == 1
    entries.insert_one({"name": "Grace"})
    assert entries.count_documents({}) == 2


def test_the_function_serves_with_nothing_but_its_memory_limit(
    lab: Lab, eve: Lab, faas: OpenFaaS
) -> None:
    made = faas.invoke(FUNCTION, {"name": "Ada"}, patience=30)
    assert made.status_code == 201
    assert faas.invoke(FUNCTION, method="GET", path=made.json()["_id"]).json() == made.json()
    with eve.mongodb() as hers:
        assert hers.database[COLLECTION].find_one({"name": "Ada"})
    (pod,) = lab.get("pods", namespace=faas.namespace, selector=f"faas_function={FUNCTION}")[
        "items"
    ]
    (container,) = pod["spec"]["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert container["resources"]["limits"]["memory"]


def test_a_killed_pod_loses_no_acknowledged_document(lab: Lab, eve: Lab, faas: OpenFaaS) -> None:
    with Writers(faas, FUNCTION, clients=4, document={"drill": True}) as writers:
        lab.wait_until("some documents", lambda: len(writers.acknowledged) > 50)
        lab.kubectl("delete", "pod", "course-rs0-0", "-n", NAMESPACE, "--force", "--grace-period=0")
        lab.wait_until("the function to say so", lambda: writers.statuses[503])
        lab.wait_until("documents to be stored again", lambda: writers.stored_again > 20)
    print(f"{dict(writers.statuses)}, nothing was stored for {writers.gap:.1f} s")
    assert set(writers.statuses) == {201, 503}
    with eve.mongodb() as hers:
        found = list(hers.database[COLLECTION].find({"drill": True}))
    there = {str(each["_id"]) for each in found}
    assert writers.acknowledged <= there
    assert len(there) == len({(each["writer"], each["number"]) for each in found}), "stored twice"
    (pod,) = lab.pods(faas.namespace, f"faas_function={FUNCTION}")
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 0


def test_disabled_it_leaves_nothing_behind(
    mongodb: Lab, eve: Lab, before: tuple[set[str], set[str]]
) -> None:
    """Nor a password that was kept until then."""
    password = mongodb.secret("course-app", namespace=NAMESPACE)["password"]
    command("enable", "mongodb")
    assert mongodb.secret("course-app", namespace=NAMESPACE)["password"] == password
    with mongodb.mongodb() as opened:
        opened.database[COLLECTION].insert_one({"name": "Ada"})
    command("disable", "mongodb", timeout=200)
    objects_before, images_before = before
    # The function's own, which stays.
    addresses = [
        f"/{each['metadata']['name']} "
        for each in mongodb.get("ipaddresses")["items"]
        if eve.learner in each["spec"]["parentRef"]["namespace"]
    ]

    def nothing_left() -> None:
        more = objects(mongodb) - objects_before
        left = [o for o in more if not any(name in o for name in (eve.learner, *addresses))]
        if left:
            raise _wait.NotYet(f"still there: {left}")

    # Volumes go a moment after the claims on them.
    _wait.until("what was made to be gone", nothing_left, timeout=60)
    assert not {
        each for each in images() - images_before if "mongodb" in each or "secantus" in each
    }
    assert "mongodb-embedded" not in components.enabled(mongodb.connection)
