"""The connectors on the cluster: what they promise while they, NATS and functions come and go"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import nats
import pytest
from nats.aio.client import Client

from lab_helpers import Lab, _wait

from .functions_api import Api, openfaas, push_probe
from .support import command

T = TypeVar("T")
TALLY = Path(__file__).parent / "objects" / "tally.py"
MESSAGES = 10_000


@dataclass(frozen=True)
class Course:
    """A cluster with both connectors, a namespace for functions, and a client of NATS."""

    lab: Lab
    api: Api
    image: str

    def deploy(self, name: str, **annotations: str) -> None:
        """Deploy the function that keeps a ledger, and wait until the connector knows it."""
        one = {"com.openfaas.scale.max": "1"}
        self.api.deploy(name, self.image, annotations=annotations, labels=one)
        if topic := annotations.get("topic"):
            # With its subject, which no earlier function of that name had.
            said = f'"function": "{name}", "namespace": "{self.api.namespace}", "topic": "{topic}"'
            self.lab.wait_until(f"{name} to be known", lambda: said in self.log("nats"), timeout=30)

    def log(self, kind: str) -> str:
        return self.lab.kubectl("logs", f"deploy/{kind}-connector", "-n", "openfaas")

    def ledger(self, name: str) -> Counter[str]:
        """How often the function got each message."""
        return Counter(self.api.call(name, method="GET").json())

    def do(self, work: Callable[[Client], Awaitable[T]]) -> T:
        """Do something with a connection of NATS' administrator."""
        user = self.lab.secret("nats-admin", namespace="nats")

        async def connected() -> T:
            client = await nats.connect(
                f"nats://{way.host}:{way.port}", user=user["username"],
                password=user["password"], allow_reconnect=False,
            )  # fmt: skip
            try:
                return await work(client)
            finally:
                await client.close()

        with self.lab.port_forward("service/nats", 4222, namespace="nats") as way:
            return asyncio.run(connected())

    def publish(self, subject: str, *texts: str) -> None:
        async def work(client: Client) -> None:
            for text in texts:
                await client.publish(subject, text.encode())
            await client.flush()

        self.do(work)

    def kill(self, kind: str) -> None:
        """End a connector without a word."""
        self.lab.kubectl("delete", "pod", "-n", "openfaas", "-l", f"app={kind}-connector",
                         "--grace-period=0", "--force")  # fmt: skip


@pytest.fixture(scope="module")
def course(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    for component in ("nats-connector", "cron-connector"):
        command("enable", component, timeout=300)
    with openfaas(lab) as api:
        yield Course(lab, api, push_probe(lab, tmp_path_factory.mktemp("tally"), TALLY))


def unique(name: str) -> str:
    return f"{name}-{secrets.token_hex(3)}"


def numbers(count: int) -> list[str]:
    return [str(number) for number in range(count)]


def test_ten_thousand_messages_while_the_connector_is_killed_twice(course: Course) -> None:
    """With JetStream none is lost; without, what is lost is counted."""
    subject = {each: unique(each) for each in ("kept", "core")}
    course.deploy("kept", topic=subject["kept"], durable="true")
    course.deploy("core", topic=subject["core"])

    async def publish(client: Client) -> None:
        stream = client.jetstream()
        for number in range(MESSAGES):
            await client.publish(subject["core"], str(number).encode())
            await stream.publish_async(subject["kept"], str(number).encode())
            if number in (MESSAGES // 4, MESSAGES // 2):
                await asyncio.to_thread(course.kill, "nats")
        await asyncio.wait_for(stream.publish_async_completed(), 60)

    course.do(publish)
    course.lab.wait_until(
        "all that was kept to be handled", lambda: len(course.ledger("kept")) == MESSAGES,
        timeout=180,
    )  # fmt: skip
    handled = {name: course.ledger(name) for name in subject}
    assert set(handled["kept"]) == set(numbers(MESSAGES))
    again = handled["kept"].total() - MESSAGES
    lost = MESSAGES - len(handled["core"])
    print(f"JetStream: none lost, {again} came twice; core NATS: {lost} of {MESSAGES} lost")
    assert 0 < lost < MESSAGES
    # Only those that were under way when it was killed.
    assert again <= 2 * 32 + 16


def test_nats_is_killed_and_found_again_with_what_it_kept(course: Course) -> None:
    subject = unique("lasting")
    course.deploy("lasting", topic=subject, durable="true")
    course.publish(subject, "before")
    course.lab.wait_until("the first", lambda: course.ledger("lasting")["before"])
    course.lab.kubectl("scale", "deployment/nats-connector", "-n", "openfaas", "--replicas=0")
    course.publish(subject, *numbers(50))
    course.lab.kubectl("delete", "pod", "nats-0", "-n", "nats", "--grace-period=0", "--force")
    course.lab.kubectl("scale", "deployment/nats-connector", "-n", "openfaas", "--replicas=1")
    course.lab.wait_until(
        "what was kept", lambda: set(numbers(50)) <= set(course.ledger("lasting")), timeout=60
    )
    course.lab.kubectl("delete", "pod", "nats-0", "-n", "nats", "--grace-period=0", "--force")
    course.lab.wait_until("NATS", lambda: course.lab.ready_pods("nats", "app=nats"), timeout=60)
    course.lab.wait_until(
        "the connector to be ready again",
        lambda: course.lab.ready_pods("openfaas", "app=nats-connector"), timeout=60,
    )  # fmt: skip
    course.publish(subject, "after")
    course.lab.wait_until("a message", lambda: course.ledger("lasting")["after"], timeout=30)


def test_a_function_that_fails_hinders_nobody_and_leaves_a_dead_letter(course: Course) -> None:
    subject = unique("trouble")
    course.deploy("fails", topic=subject)
    course.deploy("works", topic=subject)

    async def work(client: Client) -> tuple[bytes, dict[str, str]]:
        letters = await client.subscribe(f"dead.{course.api.namespace}.fails")
        await client.publish(subject, b"fail 500")
        letter = await letters.next_msg(30)
        return letter.data, dict(letter.headers or {})

    body, headers = course.do(work)
    assert body == b"fail 500"
    assert headers["X-Status"] == "500"
    # Its own tries and those of the other one, which fails as well: four for each.
    assert course.ledger("fails")["fail 500"] == 4
    course.publish(subject, "fine")
    course.lab.wait_until("the others", lambda: course.ledger("works")["fine"])


def test_bodies_come_unchanged_through_the_gateway(course: Course) -> None:
    subject = unique("bodies")
    course.deploy("bodies", topic=subject)
    bodies = [b"", bytes(range(256)), b"\xff\xfe", b"x" * 1_048_576]

    async def work(client: Client) -> None:
        for body in bodies:
            await client.publish(subject, body)
        # The first flush may overtake the largest one, and the tunnel would close on it.
        for _ in range(2):
            await client.flush()

    course.do(work)
    address = course.api.url("bodies", "/digests")
    sent = {sha256(body).hexdigest(): len(body) for body in bodies}

    def all_came() -> None:
        # A call that is made again leaves its body twice.
        came = set(course.lab.http.get(address).json())
        assert came <= set(sent)
        if missing := [size for digest, size in sent.items() if digest not in came]:
            raise _wait.NotYet(f"the bodies of {missing} bytes have not come")

    log = lambda: "\n".join(each for each in course.log("nats").splitlines() if subject in each)  # noqa: E731
    _wait.until("all bodies", all_came, timeout=60, events=log)


def test_a_wrong_schedule_is_an_event_of_the_function(course: Course) -> None:
    course.api.deploy(
        "unscheduled", course.image,
        annotations={"topic": "cron-function", "schedule": "0 0 30 2 *"},
    )  # fmt: skip

    def told() -> bool:
        described = course.lab.kubectl(
            "describe", "deployment", "unscheduled", "-n", course.api.namespace
        )
        return "WrongSchedule" in described and "bad day-of-month" in described

    course.lab.wait_until("the Event", told, timeout=30)


def test_two_cron_connectors_make_a_call_once(course: Course) -> None:
    """And one that is killed in between does not make it again."""
    scale = ("scale", "deployment/cron-connector", "-n", "openfaas")
    course.lab.kubectl(*scale, "--replicas=2")
    course.api.deploy(
        "minutely", course.image,
        annotations={"topic": "cron-function", "schedule": "* * * * *"},
    )  # fmt: skip
    ready = lambda: course.lab.ready_pods("openfaas", "app=cron-connector")  # noqa: E731
    course.lab.wait_until("two connectors", lambda: len(ready()) == 2, timeout=60)
    course.lab.wait_until("the call", lambda: course.ledger("minutely"), timeout=80)
    course.kill("cron")
    course.lab.kubectl(*scale, "--replicas=1")
    course.lab.wait_until("one connector", lambda: len(ready()) == 1, timeout=60)
    noted = course.lab.get("configmap", "cron-connector", namespace="openfaas")["data"]
    (minute,) = course.ledger("minutely")
    assert course.ledger("minutely")[minute] == 1
    assert f"minutely.{course.api.namespace}" in noted


def test_connectors_are_counted_by_prometheus(course: Course) -> None:
    faas = course.lab.openfaas()
    query = 'sum(connector_calls_total{status="200"})'
    course.lab.wait_until(
        "Prometheus to have read it", lambda: faas.prometheus.instant(query).get((), 0) > 0,
        timeout=20,
    )  # fmt: skip


@pytest.mark.usefixtures("course")
def test_disable_leaves_nothing(lab: Lab) -> None:
    for component in ("cron-connector", "nats-connector", "nats"):
        command("disable", component, timeout=120)
    kinds = "deployments,statefulsets,pods,services,secrets,configmaps,roles,rolebindings"
    left = lab.get(kinds, namespace="openfaas")["items"]
    names = [each["metadata"]["name"] for each in left]
    assert not [name for name in names if "connector" in name], json.dumps(names)
    assert not lab.kubectl("get", "namespace", "nats", "--ignore-not-found")
    bound = lab.get("clusterroles,clusterrolebindings")["items"]
    assert not [each for each in bound if "connector" in each["metadata"]["name"]]
    volumes = lab.get("persistentvolumes")["items"]
    assert not [each for each in volumes if each["spec"]["claimRef"]["namespace"] == "nats"]
