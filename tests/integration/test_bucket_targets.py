"""lab_helpers.bucket_targets: MinIO tells functions and NATS what happens in a bucket"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO

import pytest
from minio.error import S3Error

from lab_helpers import Lab, LabError, UsageError, _wait
from lab_helpers.openfaas import GATEWAY_INSIDE
from lab_helpers.openfaas.workflow import OpenFaaS
from lab_helpers.storage import Storage

from .support import command
from .test_learners import close

WEBHOOK, RECEIVER, BUCKET = "minio-webhook", "nats-receiver", "told"


@pytest.fixture(scope="module")
def learner(lab: Lab) -> Iterator[Lab]:
    """One that nobody else is, and nothing of them afterwards."""
    for component in ("nats-connector", "minio"):
        command("enable", component, timeout=300)
    made = Lab(lab.connection, chapter="79", learner=f"eva{secrets.token_hex(3)}")
    yield made
    storage = made.storage()
    storage.remove_bucket(made.name(BUCKET))
    with storage.targets.together():
        for kind in ("webhook", "nats"):
            storage.targets.remove(kind, "test")
    with suppress(LabError):
        lab.delete("namespace", made.openfaas().namespace)
    close(made)


@pytest.fixture(scope="module")
def faas(learner: Lab) -> OpenFaaS:
    return learner.openfaas()


@pytest.fixture(scope="module")
def storage(learner: Lab) -> Storage:
    made = learner.storage()
    made.s3.make_bucket(learner.name(BUCKET))
    return made


def put(storage: Storage, learner: Lab, name: str) -> None:
    storage.s3.put_object(learner.name(BUCKET), name, BytesIO(b"<x/>"), 4)


def address(faas: OpenFaaS) -> str:
    return f"{GATEWAY_INSIDE}/function/{WEBHOOK}.{faas.namespace}"


def test_an_event_waits_for_a_function_that_is_not_there_yet(
    learner: Lab, faas: OpenFaaS, storage: Storage
) -> None:
    token = secrets.token_hex(8)
    arn = storage.targets.webhook("test", address(faas), token=token, kept=True)
    storage.targets.tell(learner.name(BUCKET), arn, suffix=".xml")
    put(storage, learner, "a b/ñ.xml")
    put(storage, learner, "a b/ñ.txt")
    faas.secret("minio-webhook-token", token)
    faas.up(WEBHOOK)

    def wait_for(*names: str) -> None:
        def probe() -> None:
            last = faas.invoke(WEBHOOK, method="GET", quiet=True).json()["last"]
            if {(each["object"], each["size"]) for each in last} != {(name, 4) for name in names}:
                raise _wait.NotYet(f"it was told {last}")

        _wait.until(f"{WEBHOOK} to be told of {names}", probe, timeout=60, interval=0.3)

    wait_for("a b/ñ.xml")
    put(storage, learner, "later.xml")
    wait_for("a b/ñ.xml", "later.xml")


def test_an_event_comes_by_nats_to_several_functions(
    learner: Lab, faas: OpenFaaS, storage: Storage
) -> None:
    subject = learner.name("files")
    arn = storage.targets.nats("test", subject)
    storage.targets.tell(learner.name(BUCKET), arn, event="s3:ObjectRemoved:*")
    faas.up(RECEIVER, annotations={"topic": subject})
    log = ("logs", "deploy/nats-connector", "-n", "openfaas")
    learner.wait_until("the connector", lambda: subject in learner.kubectl(*log), timeout=30)
    put(storage, learner, "gone.xml")
    storage.s3.remove_object(learner.name(BUCKET), "gone.xml")
    last = lambda: faas.invoke(RECEIVER, method="GET", quiet=True).json()["last"]  # noqa: E731
    learner.wait_until("the event", last, timeout=20)
    (told,) = last()
    assert '"EventName":"s3:ObjectRemoved:Delete"' in told["text"]


def test_what_buckets_are_told_while_the_server_starts_stays(
    learner: Lab, faas: OpenFaaS, storage: Storage
) -> None:
    """It reads their settings meanwhile, and must not go by what it read before."""
    buckets = [learner.name(f"{BUCKET}-{number}") for number in range(8)]
    for bucket in buckets:
        storage.s3.make_bucket(bucket)
    for number in range(4):
        arn = storage.targets.webhook("test", f"{address(faas)}/{number}")
        for bucket in buckets:
            storage.targets.tell(bucket, arn, suffix=str(number))
        # Where it forgets, it does so within a quarter of a second.
        _wait.pause_until(time.perf_counter() + 0.5)
        assert {suffix(storage, each) for each in buckets} == {str(number)}
    for bucket in buckets:
        storage.remove_bucket(bucket)


def suffix(storage: Storage, bucket: str) -> str | None:
    """How the names of the objects end that a bucket tells of; None if it tells of none."""
    told = storage.s3.get_bucket_notification(bucket).queue_config_list
    rules = [each.suffix_filter_rule for each in told]
    return rules[0].value if rules and rules[0] else None


def test_a_target_that_is_removed_is_no_longer_known(learner: Lab, storage: Storage) -> None:
    storage.s3.delete_bucket_notification(learner.name(BUCKET))
    for _ in range(2):
        with storage.targets.together():
            for kind in ("webhook", "nats"):
                storage.targets.remove(kind, "test")
    arn = storage.targets.arn("webhook", "test")
    with pytest.raises(S3Error, match="does not exist"):
        storage.targets.tell(learner.name(BUCKET), arn)


def test_targets_made_together_count_when_all_are_made(
    learner: Lab, faas: OpenFaaS, storage: Storage
) -> None:
    with storage.targets.together():
        made = [
            storage.targets.webhook("test", address(faas)),
            storage.targets.nats("test", learner.name("files")),
        ]
        with pytest.raises(S3Error, match="does not exist"):
            storage.targets.tell(learner.name(BUCKET), *made)
    storage.targets.tell(learner.name(BUCKET), *made)


def test_a_setting_that_would_break_out_of_its_quotes_is_refused(storage: Storage) -> None:
    with pytest.raises(UsageError, match="quotation marks"):
        storage.targets.webhook("test", 'http://x" enable="off')
