"""Whom MinIO tells what happens in a bucket: programs at an address, or a subject of NATS.

A target is a part of the server's settings, and has a name, an ARN. Which bucket tells which target
of what is a setting of the bucket.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from urllib3.exceptions import HTTPError

from . import _wait
from ._exceptions import UsageError, WaitTimeout

if TYPE_CHECKING:
    from minio import Minio

    from ._lab import Lab
    from .storage import Storage

PUT = "s3:ObjectCreated:Put"
_QUEUES = "/data/.events"
"""Where events wait on the server's volume for a target that is away."""
_WAITING = 10_000
"""Events that may wait there."""
_STARTS, _SECONDS = 6, 12
"""How often the server is started anew, and how long it has each time."""
_USER = ("username", "password")
_BAD = ('"', "'", "\\", "\n", "\r")


class Targets:
    """The targets that one learner's events go to.

    MinIO reads its settings for targets when it starts. So it starts anew within its pod for each
    target that is new or removed, or once for those that are so :meth:`together`; that takes about
    a second.
    """

    def __init__(self, lab: Lab, storage: Storage) -> None:
        self._lab = lab
        self._storage = storage
        self._changed: dict[str, bool] | None = None

    @contextmanager
    def together(self) -> Iterator[None]:
        """Have all targets made and removed in it count when it is left, and not before."""
        changed: dict[str, bool] = {}
        self._changed = changed
        try:
            yield
        finally:
            self._changed = None
            if changed:
                self._restart(changed)

    def webhook(self, name: str, address: str, *, token: str = "", kept: bool = False) -> str:
        """Have a program called with each event, and return the target's ARN.

        :param name: the target's; the learner's prefix is added.
        :param address: as MinIO reaches it from its pod.
        :param token: sent along, so that the program knows who is calling.
        :param kept: put each event on the server's volume until the target has it. It outlives a
            target that is away, and takes up to three seconds: so often MinIO looks there.
        """
        told = {"endpoint": address, **({"auth_token": f"Bearer {token}"} if token else {})}
        return self._put("webhook", name, told, kept=kept)

    def nats(self, name: str, subject: str, *, kept: bool = False) -> str:
        """Have each event published on a subject of the course's NATS; returns the target's ARN.

        :param subject: one word.
        :param kept: as for :meth:`webhook`.
        """
        user = self._lab.secret("nats-minio", namespace="nats")
        told = {"address": "nats.nats:4222", "subject": subject}
        return self._put("nats", name, {**told, **{key: user[key] for key in _USER}}, kept=kept)

    def tell(self, bucket: str, *arns: str, suffix: str = "", event: str = PUT) -> None:
        """Tell these targets, and no others, when something happens in a bucket.

        :param suffix: only for objects whose names end so.
        :param event: what it is about, as S3 calls it.
        :raises minio.error.S3Error: there is no such bucket, or no such target.
        """
        from minio.notificationconfig import (
            NotificationConfig,
            QueueConfig,
            SuffixFilterRule,
        )

        rule = SuffixFilterRule(suffix) if suffix else None
        queues = [QueueConfig([event], suffix_filter_rule=rule, queue=arn) for arn in arns]
        wanted = NotificationConfig(queue_config_list=queues)
        self._storage.s3.set_bucket_notification(bucket, wanted)

    def remove(self, kind: str, *names: str) -> None:
        """Remove targets; those that are not there are fine.

        :param kind: ``webhook`` or ``nats``.
        """
        known = self._answer().get("sqsARN") or []
        there = [name for name in names if self.arn(kind, name) in known]
        for name in there:
            self._storage.admin.config_reset(f"notify_{kind}", self._lab.name(name))
        self._change({self.arn(kind, name): False for name in there})

    def _put(self, kind: str, name: str, told: dict[str, str], *, kept: bool) -> str:
        for key, value in told.items():
            if any(each in value for each in _BAD):
                raise UsageError(
                    f"the {key} of a target cannot have quotation marks or backslashes"
                )
        queue = {
            "queue_dir": f"{_QUEUES}/{self._lab.name(name)}-{kind}" if kept else "",
            "queue_limit": str(_WAITING if kept else 0),
        }
        quoted = {key: f'"{value}"' for key, value in (told | queue).items()}
        self._answer()
        self._storage.admin.config_set(f"notify_{kind}:{self._lab.name(name)}", quoted)
        arn = self.arn(kind, name)
        self._change({arn: True})
        return arn

    def arn(self, kind: str, name: str) -> str:
        """What a target is called where a bucket's settings name it."""
        return f"arn:minio:sqs::{self._lab.name(name)}:{kind}"

    def _change(self, wanted: dict[str, bool]) -> None:
        if self._changed is not None:
            self._changed.update(wanted)
        elif wanted:
            self._restart(wanted)

    def _restart(self, wanted: dict[str, bool]) -> None:
        """Have the server read its settings, and wait until it goes by them.

        Asked for buckets while it was starting, it answered nobody for a minute, in four of 36
        starts. So it is asked when it says that it is there (none of 42 starts), and is started
        anew where that does not help.

        :param wanted: the targets that it has to know then, and those that it must not.
        """
        what = f"MinIO to {' and '.join(_saying(wanted))}"
        for left in reversed(range(_STARTS)):
            self._answer()
            asked = time.monotonic()
            self._storage.admin.service_restart()
            probe = partial(self._goes_by, wanted, since=asked)
            try:
                _wait.until(what, probe, timeout=_SECONDS, interval=0.2)
            except WaitTimeout:
                if not left:
                    raise
            else:
                return

    def _goes_by(self, wanted: dict[str, bool], *, since: float) -> None:
        """Refuse to go on until the server has started anew, knows what it should, and answers."""
        from minio.error import MinioAdminException, MinioException

        try:
            told = self._told()
            # The old process answers for a moment.
            anew = told["servers"][0].get("uptime", 0) <= time.monotonic() - since
            known = told.get("sqsARN") or []
            if not anew or any((arn in known) != there for arn, there in wanted.items()):
                raise _wait.NotYet(f"it knows {', '.join(known) or 'no target'}")
            # It answers administrators a moment before the others.
            self._hasty.list_buckets()
        except (MinioAdminException, MinioException, HTTPError) as away:
            raise _wait.NotYet(str(away)[:200]) from away

    @cached_property
    def _hasty(self) -> Minio:
        return self._storage.client(timeout=2)

    def _answer(self) -> dict[str, Any]:
        """What the server says of itself, as soon as it says something again."""
        from minio.error import MinioAdminException, MinioException

        def probe() -> dict[str, Any]:
            try:
                return self._told()
            except (MinioAdminException, MinioException, HTTPError) as away:
                raise _wait.NotYet(str(away)[:200]) from away

        return _wait.until("MinIO to answer", probe, timeout=60, interval=0.2)

    def _told(self) -> dict[str, Any]:
        """What the server says of itself."""
        found: dict[str, Any] = json.loads(self._storage.admin.info())
        return found


def _saying(wanted: dict[str, bool]) -> Iterator[str]:
    for verb, there in (("know", True), ("forget", False)):
        if arns := [arn for arn in wanted if wanted[arn] == there]:
            yield f"{verb} {', '.join(arns)}"
