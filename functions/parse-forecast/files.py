"""The bucket that forecasts are read from, with the rights of one user."""

import os
from pathlib import Path
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.error import MinioException, S3Error

from .invalid import Invalid

LARGEST = 2**20
"""Bytes. A file has some 30 kB."""
_ABSENT = ("NoSuchKey", "NoSuchBucket")


class Away(Exception):
    """The storage does not answer, or does not let this function in."""


class Files:
    """Files by their names."""

    def __init__(self, client, bucket):
        self._client = client
        self._bucket = bucket

    @classmethod
    def from_environment(cls):
        folder = Path(os.environ.get("SECRETS_FOLDER", "/var/openfaas/secrets"))
        access, secret = (
            (folder / name).read_text().strip() for name in ("minio-access-key", "minio-secret-key")
        )
        server = urlsplit(os.environ["S3_ENDPOINT"])
        patience = urllib3.Timeout(connect=2, read=4)
        return cls(
            Minio(
                server.netloc, access, secret, region=os.environ["S3_REGION"],
                secure=server.scheme == "https",
                http_client=urllib3.PoolManager(timeout=patience, retries=False),
            ),
            os.environ["BUCKET"],
        )  # fmt: skip

    def content(self, key):
        """The bytes of a file.

        :raises Invalid: there is no such file, or it is too large for a forecast.
        """
        answer = None
        try:
            answer = self._client.get_object(self._bucket, key)
            content = answer.read(LARGEST + 1)
        except S3Error as refused:
            if refused.code in _ABSENT:
                raise Invalid(f"{key} is not in the bucket any more") from refused
            raise Away(f"{refused.code}: {refused.message}") from refused
        except (MinioException, urllib3.exceptions.HTTPError) as failed:
            raise Away(f"{type(failed).__name__}: {failed}") from failed
        finally:
            if answer is not None:
                answer.close()
        if len(content) > LARGEST:
            raise Invalid(f"a forecast has less than {LARGEST} bytes")
        return content
