"""The files behind the API: buckets and objects of whatever server speaks S3."""

import os
import re
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import BoundedSemaphore
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.error import MinioException, S3Error

LINK = timedelta(hours=24)
"""For how long a link to an object can be used."""
PART = 5 * 1024 * 1024
"""Bytes of an upload that are in memory, the least that S3 allows for a part."""
UPLOADS = 4
"""Uploads that are handed on side by side; others wait on /tmp for their turn."""
_ABSENT = ("NoSuchBucket", "NoSuchKey", "InvalidBucketName", "AccessDenied")
_KEY = ("InvalidAccessKeyId", "SignatureDoesNotMatch")
_NO_TEXT = re.compile("[\x00-\x1f\x7f\ufffe\uffff]")
"""What cannot stand in S3's answers, which are XML, nor in a name that people read."""


class Unusable(Exception):
    """What the caller sent cannot be stored; says why."""


class Absent(Exception):
    """There is no such bucket or object, as far as this function may know."""


class Away(Exception):
    """The storage does not answer, or does not know this function."""


class Files:
    """Buckets and objects, with the rights of one user.

    :param public: the address at which callers reach the storage. A link is signed for the host
        that it names; nobody is asked for that.
    """

    def __init__(self, endpoint, public, region, access_key, secret_key):
        pool = urllib3.PoolManager(
            maxsize=32,
            timeout=urllib3.Timeout(connect=2, read=30),
            retries=urllib3.Retry(total=1, backoff_factor=0.1),
        )

        def client(address):
            host, secure = urlsplit(address).netloc, address.startswith("https:")
            return Minio(
                host, access_key, secret_key, secure=secure, region=region, http_client=pool
            )

        self._storage, self._public = client(endpoint), client(public)
        self._turn = BoundedSemaphore(UPLOADS)

    @classmethod
    def from_environment(cls):
        """With the user whose keys are among the function's secrets."""
        folder = Path(os.environ.get("SECRETS_FOLDER", "/var/openfaas/secrets"))
        keys = [(folder / f"minio-{kind}-key").read_text().strip() for kind in ("access", "secret")]
        said = [os.environ[f"S3_{name}"] for name in ("ENDPOINT", "PUBLIC", "REGION")]
        return cls(*said, *keys)

    def buckets(self):
        """Those that the user may see."""
        with _told():
            found = self._storage.list_buckets()
        return [
            {"name": each.name, "creation_date": each.creation_date.isoformat()} for each in found
        ]

    def objects(self, bucket):
        """All objects of a bucket, in the order of their names."""
        with _told(), _known():
            found = list(self._storage.list_objects(bucket, recursive=True))
        return [
            {
                "name": each.object_name,
                "size": each.size,
                "etag": each.etag,
                "last_modified": each.last_modified.isoformat(),
            }
            for each in found
        ]

    def store(self, bucket, name, file, size, content_type):
        """Store a file under its name. It is there when all of it has come, and not before."""
        if wrong := unusable(name):
            raise Unusable(wrong)
        if not (content_type.isascii() and content_type.isprintable()):
            content_type = "application/octet-stream"
        with self._turn, _told(storing=True), _known():
            put = self._storage.put_object(
                bucket, name, file, size, content_type, part_size=PART, num_parallel_uploads=1
            )
        return {"name": name, "size": size, "etag": put.etag}

    def link(self, bucket, name):
        """An address at which anybody can read the object for a day."""
        self._find(bucket, name)
        return self._public.presigned_get_object(bucket, name, expires=LINK)

    def remove(self, bucket, name):
        self._find(bucket, name)
        with _told():
            self._storage.remove_object(bucket, name)

    def _find(self, bucket, name):
        """S3 removes what is not there, and signs for it."""
        if unusable(name):
            raise Absent
        with _told(), _known():
            self._storage.stat_object(bucket, name)


def unusable(name):
    """Why an object cannot have this name; empty if it can.

    A server that keeps objects as files must never see a step upwards.
    """
    if not name:
        return "the file has no name"
    if len(name.encode()) > 1024:
        return "the file's name is longer than 1,024 bytes"
    if _NO_TEXT.search(name):
        return "the file's name has characters that are no text"
    if any(step in ("", ".", "..") for step in name.split("/")):
        return "the parts of the file's name between slashes can be neither empty nor dots"
    return ""


@contextmanager
def _known():
    """The library refuses names that no bucket can have."""
    try:
        yield
    except ValueError as wrong:
        raise Absent from wrong


@contextmanager
def _told(*, storing=False):
    """What the storage answers, in this module's words."""
    try:
        yield
    except S3Error as refused:
        raise _meaning(refused, storing) from refused
    except (MinioException, urllib3.exceptions.HTTPError) as wrong:
        raise Away(wrong) from wrong


def _meaning(refused, storing):
    if refused.code in _ABSENT:
        return Absent()
    if refused.code in _KEY or refused.response.status >= 500:
        return Away(f"{refused.code}: {refused.message}")
    return Unusable(f"the storage refuses it: {refused.message}") if storing else Absent()
