"""Argo Events: what the webhook has taken arrives, whichever part is killed."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from statistics import median
from typing import NamedTuple

import httpx
import pytest

from lab_helpers import Lab, LabError
from lab_helpers.displays import Display
from lab_helpers.exercises import chapter_09
from lab_helpers.openfaas import GATEWAY_INSIDE

from .support import command
from .test_learners import close

RECEIVER = "nats-receiver"
PARTS = {
    "bus": "app=bus",
    "source": "eventsource-name=webhook",
    "sensor": "sensor-name=greet",
}


class Way(NamedTuple):
    """The chapter's source, bus and sensor, of a learner that nobody else is."""

    lab: Lab
    namespace: str
    webhook: str
    display: Display
    warnings: Display
    letters: Display

    def post(self, **said: object) -> bool:
        try:
            return self.lab.http.post(self.webhook, json=said).is_success
        except httpx.HTTPError:
            return False

    def arrived(self) -> set[str]:
        try:
            return {each.text or "" for each in self.display.events() if each.arrivals}
        except LabError:
            return set()


@pytest.fixture(scope="module")
def way(lab: Lab) -> Iterator[Way]:
    for component in ("argo-events", "openfaas"):
        command("enable", component, timeout=300)
    learner = Lab(lab.connection, chapter="09", learner=f"arg{secrets.token_hex(3)}")
    chapter_09.provide(learner)
    displays = [Display(learner, name) for name in ("display", "warnings", "letters")]
    for each in displays:
        learner.wait_for_page(each.name)
    namespace = learner.name(chapter_09.NAMESPACE)
    found = Way(learner, namespace, learner.url("webhook", "/example"), *displays)
    lab.wait_until("the sensor to hear", lambda: found.post(first=True) and found.arrived())
    yield found
    lab.delete("namespace", learner.openfaas().namespace)
    lab.kubectl("delete", "namespace", namespace, "--wait=false")
    close(learner)


def test_an_event_calls_the_function_with_what_was_sent(way: Way, lab: Lab) -> None:
    faas = way.lab.openfaas()
    before = faas.metrics("hello-python").calls
    assert way.post(name="Ada")
    lab.wait_until("the event", lambda: any("Ada" in each for each in way.arrived()))
    lab.wait_until("the call", lambda: faas.metrics("hello-python").calls > before)


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/example"), ("PUT", "/example"), ("POST", "/"), ("POST", "/x")]
)
def test_other_methods_and_paths_are_refused(way: Way, method: str, path: str) -> None:
    answer = way.lab.http.request(method, way.lab.url("webhook", path), json={})
    assert 400 <= answer.status_code < 500


def test_what_is_no_json_is_refused_with_a_reason(way: Way) -> None:
    for content in (b"", b"\xff\xfe", b"{"):
        answer = way.lab.http.post(way.webhook, content=content)
        assert answer.status_code == 400
        assert answer.text.strip()


def test_a_filter_lets_pass_what_it_says(way: Way, lab: Lab) -> None:
    for degrees in (30, 31):
        assert way.post(temperature=degrees)
    lab.wait_until("the warning", way.warnings.events)
    assert [each.text for each in way.warnings.events()] == ['{"temperature": 31}']


def test_what_fails_is_tried_three_times_and_then_a_letter(way: Way, lab: Lab) -> None:
    assert way.post(kind="poison")
    lab.wait_until("the letter", way.letters.events)
    (failed,) = (e for e in way.display.events() if e.attributes["type"] == "poison")
    assert (len(failed.refusals), len(failed.arrivals)) == (3, 0)
    assert len(way.letters.events()) == 1


def test_an_event_is_there_within_half_a_second(way: Way, lab: Lab) -> None:
    way.display.forget()
    began = []
    for number in range(20):
        began.append(time.time())
        assert way.post(number=number)
        lab.wait_until("it", lambda number=number: len(way.display.events()) > number)
    came = [each.arrivals[0].timestamp() for each in way.display.events()]
    took = [1000 * (end - begin) for begin, end in zip(began, came, strict=True)]
    print(f"median {median(took):.1f} ms, slowest {max(took):.1f} ms")
    assert median(took) < 500


@pytest.mark.parametrize("selector", PARTS.values(), ids=PARTS.keys())
def test_what_is_taken_after_a_part_was_killed_arrives(way: Way, lab: Lab, selector: str) -> None:
    way.display.forget()
    began = time.monotonic()
    lab.kubectl("delete", "pod", "-n", way.namespace, "-l", selector,
                "--grace-period=0", "--force")  # fmt: skip
    for number in range(20):
        lab.wait_until("it to be taken", lambda number=number: way.post(number=number))
    wanted = {f'{{"number": {number}}}' for number in range(20)}
    print(f"taken after {time.monotonic() - began:.1f} s")
    lab.wait_until("all of them", lambda: wanted <= way.arrived(), timeout=90)
    print(f"arrived after {time.monotonic() - began:.1f} s")


def test_the_function_is_sent_the_body_and_nothing_of_it_is_changed(way: Way, lab: Lab) -> None:
    """With a function that says what it was sent in the place of the chapter's."""
    faas = way.lab.openfaas()
    faas.up(RECEIVER)
    instead = {
        "/spec/triggers/0/template/http/url":
            f"{GATEWAY_INSIDE}/function/{RECEIVER}.{faas.namespace}",
        "/spec/triggers/0/policy/status/allow": [204],
    }  # fmt: skip
    patch = [{"op": "replace", "path": path, "value": value} for path, value in instead.items()]
    lab.kubectl("patch", "sensor", chapter_09.SENSOR, "-n", way.namespace, "--type=json",
                "--patch", json.dumps(patch))  # fmt: skip
    said = {"name": "Ñandú 🌳", "numbers": [0, -1.5, 1e21, None], "deep": {"": [True, {}]}}

    def received() -> bool:
        # The sensor that there was may still take it.
        assert way.post(**said)
        last = faas.invoke(RECEIVER, method="GET", quiet=True).json()["last"]
        return {"message": said} in [json.loads(each["text"]) for each in last]

    lab.wait_until("the function to get it", received)
