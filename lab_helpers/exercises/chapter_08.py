"""Chapter 08: a schedule in a time zone, messages that are kept, files that are removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._exceptions import Hint, LabError
from ..checks import Exercise
from ..jetstream import consumers

if TYPE_CHECKING:
    from .._lab import Lab

RECEIVER, HELLO = "nats-receiver", "hello-python"
SCHEDULED = {
    "topic": "cron-function",
    "schedule": "30 7 * * 1-5",
    "timezone": "Europe/Madrid",
}
ORDERS, BUCKET = "orders", "forecast"
"""Subject and bucket; a learner's have a prefix."""
REMOVED = "s3:ObjectRemoved:*"
_CALLS = 25
"""As many as there are in five weeks."""


def deploy(lab: Lab, name: str, **annotations: str) -> None:
    """Deploy a function of the chapter with other annotations."""
    lab.openfaas().deploy(name, annotations=annotations)


def tell(lab: Lab, event: str, suffix: str = "") -> None:
    """Have the chapter's webhook told of something."""
    targets = lab.storage().targets
    targets.tell(lab.name(BUCKET), targets.arn("webhook", "course"), event=event, suffix=suffix)


def _annotations(lab: Lab, name: str) -> dict[str, str]:
    faas = lab.openfaas()
    found = faas.gateway.status(name, faas.namespace)
    if found is None:
        raise Hint(f"no function {name} is deployed; run the cells above first")
    return found.get("annotations") or {}


def _judge_schedule(lab: Lab) -> str:
    said = _annotations(lab, RECEIVER)
    if "cron-function" not in said.get("topic", "").split(","):
        raise Hint(
            f"the topic of {RECEIVER} is {said.get('topic')!r}; the clock's is cron-function"
        )
    try:
        calls = lab.openfaas().next_calls(RECEIVER, _CALLS)
    except LabError as wrong:
        raise Hint(f"{RECEIVER} is not called: {wrong.seen}") from wrong
    first = f"{calls[0]:%A %d %B %H:%M} {said.get('timezone', 'UTC')}"
    if said.get("timezone") != SCHEDULED["timezone"]:
        raise Hint(f"the next call is on {first}; Madrid's time zone is called Europe/Madrid")
    if any(f"{each:%H:%M}" != "07:30" for each in calls):
        raise Hint(f"the next call is on {first}, and not at half past seven")
    days = {each.weekday(): f"{each:%A}" for each in calls}
    if set(days) != set(range(5)):
        names = ", ".join(days[each] for each in sorted(days))
        raise Hint(f"the next calls are on {names}; they should be from Monday to Friday")
    return f"the next call is on {first}"


def _judge_durable(lab: Lab) -> str:
    said, orders = _annotations(lab, HELLO), lab.name(ORDERS)
    if orders not in said.get("topic", "").split(","):
        raise Hint(f"the topic of {HELLO} is {said.get('topic')!r}, and not {orders!r}")
    if said.get("durable") != "true":
        raise Hint(
            f"its annotation durable is {said.get('durable')!r}, and should be the text true"
        )
    function = f"{HELLO}_{lab.openfaas().namespace}"
    lab.wait_until("the subject to be kept", lambda: function in consumers(lab, orders), timeout=20)
    return f"JetStream keeps what is published on {orders} for {HELLO}"


def _judge_removed(lab: Lab) -> str:
    storage, bucket = lab.storage(), lab.name(BUCKET)
    if not storage.s3.bucket_exists(bucket):
        raise Hint(f"there is no bucket {bucket}; run the cells above first")
    found = storage.s3.get_bucket_notification(bucket).queue_config_list or []
    webhook = storage.targets.arn("webhook", "course")
    removals = [each for each in found if any("ObjectRemoved" in event for event in each.events)]
    if not removals:
        events = sorted({event for each in found for event in each.events})
        raise Hint(f"the bucket {bucket} tells of {', '.join(events) or 'nothing'}")
    if {each.queue for each in removals} != {webhook}:
        told = ", ".join(sorted(str(each.queue) for each in removals))
        raise Hint(f"of removals it tells {told}; it should be {webhook}")
    for each in removals:
        if rule := each.suffix_filter_rule or each.prefix_filter_rule:
            raise Hint(f"it tells of removals where the {rule.name} of the name is {rule.value!r}")
    return f"{webhook} is told of removals"


def _solve_schedule(lab: Lab) -> None:
    deploy(lab, RECEIVER, **SCHEDULED)


def _solve_durable(lab: Lab) -> None:
    deploy(lab, HELLO, topic=lab.name(ORDERS), durable="true")


def _solve_removed(lab: Lab) -> None:
    tell(lab, REMOVED)


EXERCISES = (
    Exercise("08/schedule", "the function is called in the morning", _judge_schedule,
             _solve_schedule),
    Exercise("08/durable", "no order is lost", _judge_durable, _solve_durable),
    Exercise("08/removed", "the webhook is told of files that go", _judge_removed,
             _solve_removed),
)  # fmt: skip
