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
from secrets import token_hex
from typing import Any

import pytest

from lab_helpers import Exercise, Lab, course
from lab_helpers.cloud_events import wait_for_routes
from lab_helpers.exercises import (
    ALL,
    chapter_03,
    chapter_04,
    chapter_05,
    chapter_06,
    chapter_07,
    chapter_08,
    chapter_09,
    chapter_10,
    chapter_11,
)
from lab_helpers.exercises.chapter_02 import V1, V2
from lab_helpers.forecast_app import NEEDS, ForecastApp
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


def put_nonsense(lab: Lab) -> None:
    """A file that is no forecast at all."""
    ForecastApp(lab).files.put(b"nonsense", chapter_11.MADRID)
    lab.wait_until("it to be refused", lambda: chapter_11.refused(lab), timeout=20)


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
            {"revisionName": V1, "percent": 60}, {"revisionName": V2, "percent": 40},
        ]}),),
        "sends 60 % to knative-rest-v1, 40 % to knative-rest-v2; it should be 50 % to each",
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
    "07/prefix": Mistake(
        (chapter_07.patch("hello-display", {"filters": [{"exact": {"type": "greeting"}}]}),),
        "it is to look at how a type begins",
    ),
    "07/letters": Mistake(
        (chapter_07.patch("goodbye-display", chapter_07.letters(3, "dead-letters")),),
        "an event is tried again 3 times, not 2",
    ),
    "08/schedule": Mistake(
        lambda lab: chapter_08.deploy(
            lab, chapter_08.RECEIVER, **{**chapter_08.SCHEDULED, "schedule": "30 7 * * *"}
        ),
        "they should be from Monday to Friday",
    ),
    "08/durable": Mistake(
        lambda lab: chapter_08.deploy(lab, chapter_08.HELLO, topic="orders", durable="yes"),
        "its annotation durable is 'yes'",
    ),
    "08/removed": Mistake(
        lambda lab: chapter_08.tell(lab, chapter_08.REMOVED, ".xml"),
        "it tells of removals where the suffix of the name is '.xml'",
    ),
    "09/hotter": Mistake(
        lambda lab: chapter_09.change(lab, chapter_09.threshold(35)), "what is > 35 passes"
    ),
    "09/clock": Mistake(
        lambda lab: chapter_09.set_clock(lab, "call && tick"), "one of both should be enough"
    ),
    "10/user": Mistake(
        lambda lab: chapter_10.add_user(lab, role="reader"), "and not editor", final=True
    ),
    "10/staff": Mistake(
        lambda lab: chapter_10.guard(lab, "?allowed_groups=admin"),
        "learner gets 403; admin gets 403",
    ),
    "11/place": Mistake(
        lambda lab: ForecastApp(lab).download(LOCALITIES=chapter_11.BARCELONA),
        f"{chapter_11.BARCELONA} is asked for, and {', '.join(chapter_11.PLACES)} not any more",
    ),
    "11/letter": Mistake(
        put_nonsense, 'for another reason: 422 {"error": "this is no XML'
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


def prepare_chapter_07(lab: Lab) -> None:
    """The broker and its two triggers, as the chapter's manifests say."""
    lab.enable("knative-eventing")
    lab.push_function("event-display", tag="v1")
    folder, namespace = lab.manifests("07-route-events-with-knative"), lab.name("event-example")
    for name in (chapter_07.PREFIXED, chapter_07.LETTERED):
        lab.delete("trigger", name, namespace=namespace)
    lab.kubectl("apply", "--kustomize", folder)
    wait_for_routes(lab, namespace)


def prepare_chapter_08(lab: Lab) -> None:
    """The functions as the chapter has them, and a bucket that tells of what is stored."""
    for component in ("cron-connector", "nats-connector", "minio"):
        lab.enable(component)
    of_the_chapter = Lab(lab.connection, chapter="08")
    faas, storage = of_the_chapter.openfaas(), of_the_chapter.storage()
    token = token_hex(8)
    faas.secret("minio-webhook-token", token)
    for name, asked in (
        (chapter_08.RECEIVER, {"topic": "minio,cron-function", "schedule": "* * * * *"}),
        (chapter_08.HELLO, {"topic": chapter_08.ORDERS}),
        ("minio-webhook", {}),
    ):
        faas.up(name, annotations=asked)
    storage.remove_bucket(chapter_08.BUCKET)
    storage.s3.make_bucket(chapter_08.BUCKET)
    webhook = storage.targets.webhook("course", faas.url("minio-webhook"), token=token)
    storage.targets.tell(chapter_08.BUCKET, webhook, suffix=".xml")
    of_the_chapter.http.close()


def prepare_chapter_09(lab: Lab) -> None:
    """A bus, a webhook and a sensor, as the chapter's manifests say, and no clock."""
    for component in ("argo-events", "openfaas"):
        lab.enable(component)
    namespace = lab.name(chapter_09.NAMESPACE)
    # What a patch has changed nobody else applies again.
    for kind, name in (("sensor", chapter_09.SENSOR), ("eventsource", chapter_09.CLOCK)):
        lab.delete(kind, name, namespace=namespace)
    of_the_chapter = Lab(lab.connection, chapter="09")
    chapter_09.provide(of_the_chapter)
    of_the_chapter.http.close()


def prepare_chapter_10(lab: Lab) -> None:
    """A realm without Otto, and a site before whose staff's page anybody passes who signs in."""
    for component in ("oauth2-proxy", "minio"):
        lab.enable(component)
    of_the_chapter = Lab(lab.connection, chapter="10")
    chapter_10.provide(of_the_chapter)
    of_the_chapter.http.close()


def prepare_chapter_11(lab: Lab) -> None:
    """The app with its four places; a connector that has refused nothing yet."""
    for component in NEEDS:
        lab.enable(component)
    # What was refused is read in its log.
    lab.kubectl("rollout", "restart", "deployment/nats-connector", "-n", "openfaas")
    lab.kubectl("rollout", "status", "deployment/nats-connector", "-n", "openfaas", "--timeout=60s")
    of_the_chapter = Lab(lab.connection, chapter="11")
    chapter_11.provide(of_the_chapter, source="simulated")
    of_the_chapter.http.close()


PREPARE = {
    "01": prepare_chapter_01,
    "02": prepare_chapter_02,
    "03": prepare_chapter_03,
    "04": prepare_chapter_04,
    "05": prepare_chapter_05,
    "06": prepare_chapter_06,
    "07": prepare_chapter_07,
    "08": prepare_chapter_08,
    "09": prepare_chapter_09,
    "10": prepare_chapter_10,
    "11": prepare_chapter_11,
}
"""Brings the cluster to where a chapter's exercises begin, whatever was done to them before."""


def test_every_exercise_has_a_declared_mistake() -> None:
    assert set(MISTAKES) == set(ALL)
    assert {key[:2] for key in ALL} == set(PREPARE)


class Preparations:
    """Brings the cluster to where an exercise begins.

    A chapter's exercises follow one another there, so the one after a solved one has what it needs
    already; after any other, the chapter is prepared anew.
    """

    def __init__(self, lab: Lab) -> None:
        self.begun: set[str] = set()
        self._lab = lab
        self._solved = ""

    def make(self, key: str) -> None:
        """Whatever was done before."""
        number = key[:2]
        self.begun.add(number)
        PREPARE[number](self._lab)

    def follow(self, key: str) -> None:
        """What is still to be made, if anything."""
        if self._solved != key[:2]:
            self.make(key)
        self._solved = ""

    def solved(self, key: str) -> None:
        self._solved = key[:2]


@pytest.fixture(scope="module")
def preparations(lab: Lab) -> Iterator[Preparations]:
    """Nothing of them is left in the end."""
    lab.push_image("podinfo")
    made = Preparations(lab)
    yield made
    for number in made.begun:
        course.reset(lab.connection, *course.select([number]))


@pytest.fixture(scope="module", params=ALL)
def exercise(request: pytest.FixtureRequest, preparations: Preparations) -> Exercise:
    """An exercise that nothing has been done about, for its tests in their order."""
    preparations.follow(request.param)
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
    exercise: Exercise, preparations: Preparations, lab: Lab, learner: Lab
) -> None:
    if MISTAKES[exercise.key].final:
        preparations.make(exercise.key)
    assert lab.exercise(exercise.key).holds
    assert learner.exercise(exercise.key).holds, "nor is it solved only for a moment"
    preparations.solved(exercise.key)
