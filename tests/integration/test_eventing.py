"""Knative Eventing: events arrive as they were sent, and again when a part of it was killed."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from functools import partial
from statistics import median
from typing import NamedTuple

import pytest
from cloudevents.core.v1.event import CloudEvent

from lab_helpers import Lab, _yaml, components
from lab_helpers.cloud_events import Sending, journeys, send, wait_for_routes
from lab_helpers.displays import Display

from .support import apply, command
from .test_learners import close

SYSTEM = "knative-eventing"
CHAPTER = "07-route-events-with-knative"
CARRIERS = {
    "ingress": "eventing.knative.dev/brokerRole=ingress",
    "filter": "eventing.knative.dev/brokerRole=filter",
    "dispatcher": "messaging.knative.dev/role=dispatcher",
}
"""What events pass through."""
CONTROLLERS = {
    "controller": "app=eventing-controller",
    "broker controller": "app=mt-broker-controller",
    "channel controller": "messaging.knative.dev/role=controller",
    "webhook": "app=eventing-webhook",
}
"""What makes of a broker and its triggers something that events can pass through."""
MEGABYTE = 1_000_000
BODIES = {
    "nothing": b"",
    "a megabyte": b"x" * MEGABYTE,
    "binary": bytes(range(256)),
    "no UTF-8": b"\xc3\x28",
    "nearly JSON": b'{"a": 1,}\r\n\r\n',
}


class Routes(NamedTuple):
    """The chapter's broker and channel, of a learner that nobody else is."""

    lab: Lab
    namespace: str
    broker: str
    channel: str
    hello: Display
    goodbye: Display
    letters: Display


@pytest.fixture(scope="module")
def routes(lab: Lab) -> Iterator[Routes]:
    command("enable", SYSTEM, timeout=300)
    learner = Lab(lab.connection, chapter="07", learner=f"eve{secrets.token_hex(3)}")
    namespace = learner.name("event-example")
    lab.push_function("event-display", tag="v1")
    lab.kubectl("apply", "--kustomize", learner.manifests(CHAPTER))
    displays = [Display(learner, n) for n in ("hello-display", "goodbye-display", "dead-letters")]
    for each in displays:
        learner.wait_for_page(each.name)
    lab.wait("broker/default", "Ready", namespace=namespace)
    wait_for_routes(lab, namespace)
    yield Routes(learner, namespace, learner.url("broker"), learner.url("channel"), *displays)
    lab.kubectl("delete", "namespace", namespace, "--wait=false")
    close(learner)


def greeting(data: bytes = b"", **attributes: str) -> CloudEvent:
    return CloudEvent({"type": "greeting", "source": "test", **attributes}, data)


def test_an_event_goes_to_those_who_asked_for_it(routes: Routes) -> None:
    events = [greeting(), greeting(source="sendoff"), greeting(type="bye", source="sendoff")]
    hello, both, goodbye = (each.get_id() for each in events)
    assert [send(routes.lab, routes.broker, each).status_code for each in events] == [202] * 3
    routes.hello.wait_for(hello, both)
    routes.goodbye.wait_for(both, goodbye)
    assert goodbye not in routes.hello.received()
    assert hello not in routes.goodbye.received()


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
@pytest.mark.parametrize("kind", ["application/json", "application/octet-stream"])
def test_data_arrives_unchanged(routes: Routes, body: bytes, kind: str) -> None:
    for way in (routes.broker, routes.channel):
        event = greeting(body, datacontenttype=kind)
        assert send(routes.lab, way, event).status_code == 202
        routes.hello.wait_for(event.get_id())
        (seen,) = (each for each in routes.hello.events() if each.id == event.get_id())
        assert routes.hello.data(seen.number) == body
        assert seen.attributes["datacontenttype"] == kind


BROKEN = {
    "no id": ({"ce-specversion": "1.0", "ce-type": "greeting", "ce-source": "test"}, b""),
    "no event": ({"content-type": "text/plain"}, b"hello"),
    "no JSON": ({"content-type": "application/cloudevents+json"}, b"{"),
    "another version": (
        {"ce-specversion": "9", "ce-type": "greeting", "ce-source": "test", "ce-id": "1"}, b"",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("headers", "body"), BROKEN.values(), ids=BROKEN.keys())
def test_what_is_broken_is_refused_and_the_log_says_why(
    routes: Routes, lab: Lab, headers: dict[str, str], body: bytes
) -> None:
    before = {each.number for each in routes.hello.events()}
    for way, who in ((routes.broker, "mt-broker-ingress"), (routes.channel, "imc-dispatcher")):
        assert routes.lab.http.post(way, headers=headers, content=body).status_code == 400
        logged = lab.logs(f"deployment/{who}", namespace=SYSTEM, lines=3)
        assert "failed to" in logged
    straight = routes.lab.http.post(routes.hello.address, headers=headers, content=body)
    assert straight.status_code == 400
    assert straight.json()["error"]
    assert {each.number for each in routes.hello.events()} == before


def test_an_event_is_there_within_a_tenth_of_a_second(routes: Routes) -> None:
    took = journeys(
        routes.lab, routes.broker, routes.hello, count=40, type="greeting", source="clock"
    )
    print(f"median {median(took):.1f} ms, slowest {max(took):.1f} ms")
    assert median(took) < 100


def kill(lab: Lab, selector: str) -> None:
    """End a pod as a power cut would."""
    lab.kubectl("delete", "pod", "--namespace", SYSTEM, "--selector", selector,
                "--grace-period=0", "--force")  # fmt: skip


@pytest.mark.parametrize("selector", CARRIERS.values(), ids=CARRIERS.keys())
def test_what_is_accepted_after_a_part_was_killed_arrives(
    routes: Routes, lab: Lab, selector: str
) -> None:
    by_broker = [greeting() for _ in range(20)]
    by_channel = [greeting() for _ in range(10)]
    began = time.monotonic()
    kill(lab, selector)
    with Sending(routes.lab, routes.broker, by_broker) as first:
        pass
    with Sending(routes.lab, routes.channel, by_channel) as second:
        pass
    print(f"accepted {time.monotonic() - began:.1f} s after the kill, "
          f"{len(first.refusals) + len(second.refusals)} refusals")  # fmt: skip
    assert (first.statuses, second.statuses) == ({202: 20}, {202: 10})
    routes.hello.wait_for(*(each.get_id() for each in (*by_broker, *by_channel)))
    routes.goodbye.wait_for(*(each.get_id() for each in by_channel))


@pytest.mark.parametrize("selector", CONTROLLERS.values(), ids=CONTROLLERS.keys())
def test_events_pass_while_a_controller_is_away_and_new_triggers_once_it_is_back(
    routes: Routes, lab: Lab, selector: str
) -> None:
    kill(lab, selector)
    meanwhile = [greeting() for _ in range(10)]
    with Sending(routes.lab, routes.broker, meanwhile) as sending:
        pass
    assert sending.statuses == {202: 10}
    routes.hello.wait_for(*(each.get_id() for each in meanwhile))
    # What a webhook refuses Knative's controllers do not try again by themselves.
    lab.wait_until("it to be back", lambda: lab.ready_pods(SYSTEM, selector))
    sample = _yaml.dump(components.declaration(SYSTEM).accepts)
    try_it = partial(lab.kubectl, "create", "--dry-run=server", "-f", "-", stdin=sample)
    lab.wait_until("the webhooks to answer", try_it)
    name = f"new-{secrets.token_hex(3)}"
    declare(routes, name, HELLO)
    event = greeting(type=name)
    send(routes.lab, routes.broker, event)
    routes.hello.wait_for(event.get_id())


HELLO = "{ref: {apiVersion: v1, kind: Service, name: hello-display}}"


def declare(routes: Routes, name: str, subscriber: str) -> None:
    """A trigger for events of the type that is its name."""
    apply(routes.lab, routes.namespace, "trigger", name=name, subscriber=subscriber)
    wait_for_routes(routes.lab, routes.namespace)


def test_what_fails_hangs_or_is_gone_is_tried_a_few_times_and_hurts_nobody_else(
    routes: Routes, lab: Lab
) -> None:
    subscribers = {
        "poison": HELLO,
        "hanging": f'{{uri: "http://slow.{routes.namespace}.svc.cluster.local"}}',
        "gone": f'{{uri: "http://gone.{routes.namespace}.svc.cluster.local"}}',
    }
    apply(lab, routes.namespace, "slow")
    lab.wait("deployment/slow", namespace=routes.namespace)
    for name, subscriber in subscribers.items():
        declare(routes, name, subscriber)
    failing = [greeting(type=name) for name in subscribers]
    others = [greeting() for _ in range(20)]
    began = time.monotonic()
    sending = Sending(routes.lab, routes.broker, failing)
    unhurt = Sending(routes.lab, routes.broker, others)
    with sending, unhurt:
        pass
    print(f"given up after {time.monotonic() - began:.1f} s")
    assert unhurt.statuses == {202: 20}
    assert max(unhurt.seconds) < 1 < max(sending.seconds)
    assert sending.statuses == {202: 3}
    assert sending.refusals == []
    routes.letters.wait_for(*(each.get_id() for each in failing))
    letters = {each.attributes["type"]: each for each in routes.letters.events()}
    assert {name: len(letters[name].arrivals) for name in subscribers} == dict.fromkeys(
        subscribers, 1
    )
    assert letters["poison"].attributes["knativeerrorcode"] == "503"
    (poisoned,) = (e for e in routes.hello.events() if e.id == failing[0].get_id())
    assert (len(poisoned.refusals), len(poisoned.arrivals)) == (3, 0)
