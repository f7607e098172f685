"""Each exercise three ways, one after the other: not done, done wrongly, and solved

So a learner comes to a solution: after a try or two. That it can be had at once is seen where the
chapter is executed (``test_execution.py``): there each exercise is solved, and nothing else done.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pytest

from lab_helpers import Exercise, Lab, course
from lab_helpers.exercises import ALL, chapter_03, chapter_04, chapter_05, chapter_06
from lab_helpers.exercises.chapter_02 import V1, V2
from lab_helpers.mongodb import COLLECTION


@dataclass(frozen=True)
class Mistake:
    """What a learner is likely to do instead.

    :ivar steps: of the form of a solution.
    :ivar hint: words of the hint that it must get, and that doing nothing must not get.
    :ivar final: it cannot be put right; whoever made it begins anew.
    """

    steps: tuple[str, ...] | Callable[[Lab], object]
    hint: str
    final: bool = False


SCALING = "autoscaling.knative.dev"


def patch(spec: dict[str, Any]) -> str:
    """The command that changes chapter 02's Service."""
    changes = json.dumps({"spec": spec}).replace("{", "{{").replace("}", "}}")
    return f"patch ksvc knative-rest -n {{namespace}} --type=merge -p '{changes}'"


GREET = """def handle(event, context):
    return {"statusCode": 200, "body": f"Hello, {event.body.decode()}!"}
"""
"""The function of chapter 03 before anything is done to it."""


def with_entries(lab: Lab, change: Callable[[Any], object]) -> None:
    """Do something with the collection of chapter 05."""
    with lab.mongodb() as store:
        change(store.database[COLLECTION])


def make_writer(lab: Lab) -> None:
    """The user that should only read, with a role that fits everybody."""
    with lab.mongodb() as store:
        store.make_user(chapter_05.READER, chapter_05.WORD, "readWrite")


MISTAKES = {
    "01/scale": Mistake(
        ("scale deployment/hello --replicas=5 -n {namespace}",), "asks for 5 replicas, not 4"
    ),
    "01/greeting": Mistake(
        ("set env deployment/hello PODINFO_UI_MESSAGE='hello learner' -n {namespace}",),
        "'hello learner', not 'Hello, learner'",
    ),
    "01/heal": Mistake(
        ("set image deployment/patient patient=podinfo:v6.9.2 -n {namespace}",),
        "the image is 'podinfo:v6.9.2'; the registry has it as",
    ),
    "02/tag": Mistake(
        (patch({"traffic": [{"revisionName": V1, "percent": 100, "tag": "preview"}]}),),
        "the tag preview leads to knative-rest-v1, not to knative-rest-v2",
    ),
    "02/half": Mistake(
        (patch({"traffic": [
            {"revisionName": V1, "percent": 80}, {"revisionName": V2, "percent": 20},
        ]}),),
        "sends 80 % to knative-rest-v1, 20 % to knative-rest-v2; it should be 50 % to each",
    ),
    "02/warm": Mistake(
        (patch({"template": {"metadata": {
            "name": "knative-rest-v3", "annotations": {f"{SCALING}/min-scale": "2"},
        }}}),),
        "min-scale is '2', not '1'",
        final=True,  # The revision's name is taken.
    ),
    "03/environment": Mistake(
        lambda lab: chapter_03.change(lab, environment={"GREETING": "Bonjour"}),
        "GREETING is deployed, but the function answers 'Hello, Ada!'",
    ),
    "03/secret": Mistake(
        lambda lab: lab.openfaas().secret("api-key", "value"),
        "the secret is there, but stack.yml does not list api-key",
    ),
    "03/least": Mistake(
        lambda lab: chapter_03.change(lab, labels={chapter_03.LEAST: "1"}),
        "the label com.openfaas.scale.min is '1'",
    ),
    "04/page": Mistake(
        lambda lab: chapter_04.store_page(lab, "application/octet-stream"),
        "about.html is there as application/octet-stream",
    ),
    "04/reader": Mistake(
        lambda lab: chapter_04.add_reader(lab, "readwrite"), "reader may store objects in notes"
    ),
    "04/lifecycle": Mistake(
        lambda lab: chapter_04.expire(lab, "", 1), "the rule is for everything, not for what is"
    ),
    "05/field": Mistake(
        lambda lab: with_entries(lab, lambda each: each.update_one({}, {"$set": {"active": True}})),
        "2 of 3 entries have no field active",
    ),
    "05/reader": Mistake(make_writer, "reader may do: readWrite in app; it should be just read"),
    "05/unique": Mistake(
        lambda lab: with_entries(lab, lambda each: each.create_index("name")),
        "finds names quickly, but is not unique",
    ),
    "06/database": Mistake(
        ("patch postgresql acid-minimal-cluster -n {namespace} --type=merge -p "
         """'{{"spec":{{"users":{{"reports":[]}}}}}}'""",),
        "the user is in the manifest; under databases there is no reports",
    ),
    "06/least": Mistake(
        lambda lab: chapter_06.connect_as(lab, chapter_06.APPLICATION),
        "PostgreSQL says to these four f, f, f, f",
    ),
}  # fmt: skip


def prepare_chapter_01(lab: Lab) -> None:
    folder, namespace = lab.manifests("01-install-the-cluster"), lab.name("first-steps")
    lab.kubectl("apply", "--server-side", "--force-conflicts", "--kustomize", folder)
    lab.kubectl("rollout", "status", "deployment/hello", "-n", namespace, "--timeout=60s")
    lab.wait_for_page("hello")


def prepare_chapter_02(lab: Lab) -> None:
    """Two revisions, and all requests for the first."""
    folder, namespace = lab.manifests("02-serve-an-api-with-knative"), lab.name("serving-example")
    lab.enable("knative-serving")
    lab.push_function("users-api", tag="v1")
    lab.delete("ksvc", "knative-rest", namespace=namespace)
    # A new one has revisions of the same names: neither they nor their pods must be there still.
    revisions = "revisions.serving.knative.dev"
    lab.wait_until("no revision", lambda: not lab.get(revisions, namespace=namespace)["items"])
    lab.wait_until("no pod but those that end", lambda: not lab.pods(namespace))
    lab.kubectl("apply", "--filename", folder / "namespace.yaml")
    for revision in ("service.yaml", "service-v2.yaml"):
        lab.kubectl("apply", "--filename", folder / revision)
        lab.wait("ksvc/knative-rest", "Ready", namespace=namespace)
    to_the_first = patch({"traffic": [{"revisionName": V1, "percent": 100}]})
    lab.kubectl(*shlex.split(to_the_first.format(namespace=namespace)))
    lab.wait("ksvc/knative-rest", "Ready", namespace=namespace)


def prepare_chapter_03(lab: Lab) -> None:
    """The function that the chapter begins with, deployed; no secret."""
    lab.enable("openfaas")
    of_the_chapter = Lab(lab.connection, chapter="03")
    faas = of_the_chapter.openfaas()
    lab.delete("secret", chapter_03.SECRET, namespace=faas.namespace)
    begun = faas.new(chapter_03.FUNCTION, "python3-http", anew=True)
    (begun / "handler.py").write_text(GREET)
    faas.up(chapter_03.FUNCTION)
    of_the_chapter.http.close()


def prepare_chapter_04(lab: Lab) -> None:
    """A site with its Ingress, a bucket with one object, and no reader."""
    lab.enable("minio")
    storage = lab.storage()
    storage.remove_user(lab.name(chapter_04.READER))
    for name in (chapter_04.SITE, chapter_04.NOTES):
        storage.remove_bucket(lab.name(name))
        storage.s3.make_bucket(lab.name(name))
    storage.s3.put_object(lab.name(chapter_04.NOTES), "monday.txt", BytesIO(b"rain"), 4)
    folder = lab.manifests("04-store-files-with-minio")
    read = {
        "Effect": "Allow", "Action": "s3:GetObject", "Principal": "*",
        "Resource": f"arn:aws:s3:::{lab.name(chapter_04.SITE)}/*",
    }  # fmt: skip
    policy = {"Version": "2012-10-17", "Statement": [read]}
    storage.s3.set_bucket_policy(lab.name(chapter_04.SITE), json.dumps(policy))
    page = str(folder / "site/index.html")
    storage.s3.fput_object(lab.name(chapter_04.SITE), "index.html", page, "text/html")
    lab.kubectl("apply", "--kustomize", folder)
    lab.wait_for_page(chapter_04.SITE)


def prepare_chapter_05(lab: Lab) -> None:
    """Three entries, the function in front of them, and nobody who only reads."""
    lab.enable("mongodb")
    lab.enable("openfaas")
    of_the_chapter = Lab(lab.connection, chapter="05")
    faas = of_the_chapter.openfaas()
    with lab.mongodb() as store:
        store.clean_up(chapter_05.READER)
        store.database[COLLECTION].insert_many(dict(each) for each in chapter_05.PEOPLE)
        faas.secret("mongodb-uri", store.uri)
    faas.up("crud-mongo")
    of_the_chapter.http.close()


def prepare_chapter_06(lab: Lab) -> None:
    """The cluster as the chapter's manifest says, and the function connected as its owner."""
    for component in ("postgres-operator", "openfaas"):
        lab.enable(component)
    of_the_chapter = Lab(lab.connection, chapter="06")
    lab.kubectl("apply", "--server-side", "--force-conflicts", "--kustomize",
                lab.manifests("06-store-rows-with-postgresql"))  # fmt: skip
    cluster = chapter_06.cluster(lab)
    unasked = '[{"op": "remove", "path": "/spec/%s/reports"}]'
    said = lab.get("postgresql", cluster.name, namespace=cluster.namespace)["spec"]
    for where in ("users", "databases"):
        if "reports" in said[where]:
            lab.kubectl("patch", "postgresql", cluster.name, "--namespace", cluster.namespace,
                        "--type=json", "--patch", unasked % where)  # fmt: skip
    cluster.wait_until_running()
    cluster.psql("DROP DATABASE IF EXISTS reports")
    chapter_06.provide(of_the_chapter)
    cluster.psql("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM foo_user", database="foo")
    of_the_chapter.http.close()


PREPARE = {
    "01": prepare_chapter_01,
    "02": prepare_chapter_02,
    "03": prepare_chapter_03,
    "04": prepare_chapter_04,
    "05": prepare_chapter_05,
    "06": prepare_chapter_06,
}
"""Brings the cluster to where a chapter's exercises begin, whatever was done to them before."""


def test_every_exercise_has_a_declared_mistake() -> None:
    assert set(MISTAKES) == set(ALL)
    assert {key[:2] for key in ALL} == set(PREPARE)


@pytest.fixture(scope="module")
def prepare(lab: Lab) -> Iterator[Callable[[str], None]]:
    """Brings the cluster to where an exercise begins; nothing of it is left in the end."""
    lab.push_image("podinfo")
    begun: set[str] = set()

    def begin(key: str) -> None:
        begun.add(key[:2])
        PREPARE[key[:2]](lab)

    yield begin
    for number in begun:
        course.reset(lab.connection, *course.select([number]))


@pytest.fixture(scope="module", params=ALL)
def exercise(request: pytest.FixtureRequest, prepare: Callable[[str], None]) -> Exercise:
    """An exercise that nothing has been done about, for its tests in their order."""
    prepare(request.param)
    return Exercise.named(request.param)


@pytest.fixture(scope="module")
def learner(lab: Lab) -> Iterator[Lab]:
    """The same cluster with somebody who reads."""
    reading = Lab(lab.connection, solve=False)
    yield reading
    reading.http.close()


def test_doing_nothing_gets_a_hint(exercise: Exercise, learner: Lab) -> None:
    look = learner.exercise(exercise.key)
    assert not look.holds
    assert look.seen
    assert look.seen in repr(look)
    assert MISTAKES[exercise.key].hint not in look.seen


def test_a_known_mistake_gets_a_hint_of_its_own(exercise: Exercise, learner: Lab) -> None:
    mistake = MISTAKES[exercise.key]
    exercise.do(learner, mistake.steps)
    look = learner.exercise(exercise.key)
    assert not look.holds
    assert mistake.hint in look.seen


def test_the_solution_passes(
    exercise: Exercise, prepare: Callable[[str], None], lab: Lab, learner: Lab
) -> None:
    if MISTAKES[exercise.key].final:
        prepare(exercise.key)
    assert lab.exercise(exercise.key).holds
    assert learner.exercise(exercise.key).holds, "nor is it solved only for a moment"
