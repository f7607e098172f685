"""Object storage on the cluster: servers that speak S3, as a notebook uses them."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, Self
from urllib.parse import quote, urlencode, urlsplit

from . import _http
from ._exceptions import CommandError, LabError, UsageError

if TYPE_CHECKING:
    from minio import Minio, MinioAdmin

    from ._lab import Lab
    from .bucket_events import BucketEvents
    from .bucket_targets import Targets

REGION = "us-east-1"
"""What a server calls itself that is in no region; it is part of what is signed."""

EVENTS = ("s3:ObjectAccessed:*", "s3:ObjectCreated:*", "s3:ObjectRemoved:*")
"""All that can happen to an object."""


class Server(NamedTuple):
    """A component that speaks S3: the keys of its Secret that has its own name."""

    access_key: str
    secret_key: str


SERVERS = {
    "minio": Server("root-user", "root-password"),
    "seaweedfs": Server("access-key", "secret-key"),
}


class Storage:
    """One server, and its administrator's rights.

    :ivar name: the component, which is also its page's name.
    :ivar address: where browsers, notebooks and pods reach it.
    """

    def __init__(self, lab: Lab, name: str, access_key: str, secret_key: str) -> None:
        self.name = name
        # One server for all learners: its address has nobody's prefix.
        self.address = lab.with_port(f"http://{name}.{lab.connection.domain}", "")
        self._lab = lab
        self._keys = (access_key, secret_key)

    @classmethod
    def on(cls, lab: Lab, name: str) -> Self:
        """The server of that name on this lab's cluster.

        :raises UsageError: there is no server of that name.
        :raises LabError: it is not on the cluster.
        """
        if name not in SERVERS:
            raise UsageError(f"there is no storage {name!r}", remedy=", ".join(SERVERS))
        try:
            found = lab.secret(name, namespace=name)
        except CommandError as missing:
            raise LabError(
                f"{name} is not on this cluster",
                seen=missing.output,
                remedy=f"lab.enable({name!r}), or ./lab enable {name}",
            ) from missing
        server = SERVERS[name]
        return cls(lab, name, found[server.access_key], found[server.secret_key])

    def __repr__(self) -> str:
        return f"<{self.name} at {self.address}>"

    @property
    def _host(self) -> str:
        return self.address.partition("://")[2]

    def client(
        self, access_key: str | None = None, secret_key: str | None = None, *, timeout: float = 10
    ) -> Minio:
        """The client library for S3, at this server.

        :param access_key: the user; the administrator if left out, nobody if empty.
        :param timeout: seconds without a byte, of each of three tries.
        """
        from minio import Minio

        keys = self._keys if access_key is None else (access_key or None, secret_key or None)
        return Minio(
            self._host, *keys, secure=False, region=REGION, http_client=_http.pool(timeout=timeout)
        )  # fmt: skip

    @cached_property
    def s3(self) -> Minio:
        """The client of the administrator."""
        return self.client()

    @cached_property
    def admin(self) -> MinioAdmin:
        """The client for what S3 does not know: MinIO's users and policies."""
        from minio import MinioAdmin
        from minio.credentials.providers import StaticProvider

        return MinioAdmin(
            endpoint=self._host, credentials=StaticProvider(*self._keys), secure=False,
            region=REGION, http_client=_http.pool(),
        )  # fmt: skip

    def events(self, bucket: str) -> BucketEvents:
        """What happens in a bucket, recorded while a block runs. Only MinIO tells it like this."""
        from minio.credentials.credentials import Credentials
        from minio.signer import presign_v4

        from .bucket_events import BucketEvents

        query = urlencode([("events", each) for each in EVENTS], quote_via=quote)
        link = presign_v4(
            method="GET", url=urlsplit(f"{self.address}/{bucket}?{query}"), region=REGION,
            credentials=Credentials(*self._keys), date=datetime.now(UTC), expires=60,
        )  # fmt: skip
        return BucketEvents(self._lab.http, link.geturl(), self.s3, bucket)

    @cached_property
    def targets(self) -> Targets:
        """Whom the server tells what happens in buckets. Only MinIO can be told so like this."""
        from .bucket_targets import Targets

        return Targets(self._lab, self)

    def remove_bucket(self, name: str) -> None:
        """Remove a bucket with all that is in it; one that is not there is fine."""
        from minio.deleteobjects import DeleteObject

        if not self.s3.bucket_exists(name):
            return
        found = self.s3.list_objects(name, recursive=True)
        names = (DeleteObject(each.object_name) for each in found if each.object_name)
        if left := list(self.s3.remove_objects(name, names)):
            raise LabError(f"the bucket {name} cannot be emptied", seen=str(left[0]))
        self.s3.remove_bucket(name)

    def remove_user(self, name: str) -> None:
        """Remove a user of MinIO and the policy of the same name; what is not there is fine."""
        from minio.error import MinioAdminException

        for remove in (self.admin.user_remove, self.admin.policy_remove):
            with suppress(MinioAdminException):
                remove(name)
