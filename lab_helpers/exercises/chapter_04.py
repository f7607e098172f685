"""Chapter 04: a page for the site, a user who reads, objects that go by themselves."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING

from .._exceptions import Hint
from ..checks import Exercise

if TYPE_CHECKING:
    from minio import Minio
    from minio.lifecycleconfig import Rule

    from .._lab import Lab

SITE, NOTES = "static-site", "notes"
"""The chapter's buckets; a learner's have a prefix."""
PAGE, KIND = "about.html", "text/html"
READER, KEY = "reader", "reads and no more"
PROBE = "tmp/may-the-reader-write.txt"
BELOW, DAYS = "tmp/", 1


def store_page(lab: Lab, kind: str) -> None:
    """Put the first exercise's page into the site."""
    text = b"<h1>About</h1><p>A page, and a type.</p>"
    lab.storage().s3.put_object(lab.name(SITE), PAGE, BytesIO(text), len(text), kind)


def add_reader(lab: Lab, policy: str) -> None:
    """Make the second exercise's user, with a policy that there is."""
    admin = lab.storage().admin
    admin.user_add(lab.name(READER), KEY)
    admin.policy_set(policy, user=lab.name(READER))


def expire(lab: Lab, below: str, days: int) -> None:
    """Give the bucket of the third exercise its one rule."""
    from minio.commonconfig import ENABLED, Filter
    from minio.lifecycleconfig import Expiration, LifecycleConfig, Rule

    rule = Rule(ENABLED, Filter(prefix=below), rule_id="gone", expiration=Expiration(days=days))
    lab.storage().s3.set_bucket_lifecycle(lab.name(NOTES), LifecycleConfig([rule]))


def _require_bucket(lab: Lab, name: str) -> None:
    if not lab.storage().s3.bucket_exists(lab.name(name)):
        raise Hint(f"there is no bucket {lab.name(name)}; run the cells above first")


def _judge_page(lab: Lab) -> str:
    from minio.error import S3Error

    _require_bucket(lab, SITE)
    try:
        found = lab.storage().s3.stat_object(lab.name(SITE), PAGE)
    except S3Error as missing:
        raise Hint(f"the bucket {lab.name(SITE)} has no object {PAGE}") from missing
    if (found.content_type or "").partition(";")[0] != KIND:
        raise Hint(
            f"{PAGE} is there as {found.content_type}, so a browser does not show it as a page; "
            "the type is given when an object is stored, as for the pages above"
        )
    address = lab.url(SITE, f"/{PAGE}")
    answer = lab.http.get(address)
    if not answer.is_success:
        raise Hint(f"{PAGE} is stored, but {address} answers {answer.status_code}")
    return f"{address} answers with {len(answer.content)} bytes of {KIND}"


def _judge_reader(lab: Lab) -> str:
    _require_bucket(lab, NOTES)
    notes, site, reader = lab.name(NOTES), lab.name(SITE), lab.name(READER)
    theirs = lab.storage().client(reader, KEY)
    listing = _refusal(lambda: list(theirs.list_objects(notes)))
    if listing in ("InvalidAccessKeyId", "SignatureDoesNotMatch"):
        raise Hint(f"there is no user {reader} with the password {KEY!r} ({listing})")
    if listing:
        raise Hint(f"{reader} may not list {notes} ({listing}); that is s3:ListBucket, of a bucket")
    if refused := _refusal(lambda: _read_one(lab, theirs)):
        raise Hint(
            f"{reader} may list {notes}, but not read it ({refused}); that is s3:GetObject, of "
            f"the objects in it, {notes}/*"
        )
    if not _refusal(lambda: theirs.put_object(notes, PROBE, BytesIO(b"x"), 1)):
        lab.storage().s3.remove_object(notes, PROBE)
        raise Hint(f"{reader} may store objects in {notes}, too")
    if not _refusal(lambda: list(theirs.list_objects(site))):
        raise Hint(f"{reader} may list {site} as well; the policy should name one bucket")
    return f"{reader} may list and read {notes}, and nothing else"


def _read_one(lab: Lab, theirs: Minio) -> None:
    notes = lab.name(NOTES)
    first = next(iter(lab.storage().s3.list_objects(notes, recursive=True)), None)
    if first is None or first.object_name is None:
        raise Hint(f"the bucket {notes} is empty; run the cells above first")
    theirs.get_object(notes, first.object_name).close()


def _refusal(attempt: Callable[[], object]) -> str:
    """S3's word for why it is refused; empty where it is not."""
    from minio.error import S3Error

    try:
        attempt()
    except S3Error as refused:
        return refused.code or "refused"
    return ""


def _judge_lifecycle(lab: Lab) -> str:
    _require_bucket(lab, NOTES)
    found = lab.storage().s3.get_bucket_lifecycle(lab.name(NOTES))
    rules = [rule for rule in (found.rules if found else []) if rule.expiration]
    if not rules:
        raise Hint(f"the bucket {lab.name(NOTES)} has no rule by which objects expire")
    rule = rules[0]
    if _prefix(rule) != BELOW:
        whole = "everything" if not _prefix(rule) else repr(_prefix(rule))
        raise Hint(f"the rule is for {whole}, not for what is below {BELOW!r}; it has a filter")
    days = rule.expiration.days if rule.expiration else None
    if days != DAYS:
        raise Hint(f"objects below {BELOW!r} expire after {days} days, not after {DAYS}")
    if rule.status != "Enabled":
        raise Hint("the rule is there, but it is not enabled")
    return f"what is below {BELOW!r} goes after {DAYS} day"


def _prefix(rule: Rule) -> str:
    return (rule.rule_filter.prefix if rule.rule_filter else "") or ""


def _solve_page(lab: Lab) -> None:
    store_page(lab, KIND)


def _solve_reader(lab: Lab) -> None:
    bucket = f"arn:aws:s3:::{lab.name(NOTES)}"
    statements = [
        {"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": [bucket]},
        {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": [f"{bucket}/*"]},
    ]
    policy = {"Version": "2012-10-17", "Statement": statements}
    lab.storage().admin.policy_add(lab.name(READER), policy=policy)
    add_reader(lab, lab.name(READER))


def _solve_lifecycle(lab: Lab) -> None:
    expire(lab, BELOW, DAYS)


EXERCISES = (
    Exercise("04/page", "the site has a page about itself", _judge_page, _solve_page, SITE),
    Exercise("04/reader", "the reader may read and no more", _judge_reader, _solve_reader),
    Exercise("04/lifecycle", "what is below tmp/ goes after a day", _judge_lifecycle,
             _solve_lifecycle),
)  # fmt: skip
