"""The bucket that forecasts are kept in, with the rights of one user."""

import os
import time
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.error import MinioException


class Away(Exception):
    """The storage takes nothing; says why."""


class Files:
    """Forecasts by place and time."""

    def __init__(self, client, bucket):
        self._client = client
        self._bucket = bucket

    @classmethod
    def from_environment(cls):
        folder = Path(os.environ.get("SECRETS_FOLDER", "/var/openfaas/secrets"))
        keys = [(folder / f"minio-{kind}-key").read_text().strip() for kind in ("access", "secret")]
        address = urlsplit(os.environ["S3_ENDPOINT"])
        pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=2, read=5), retries=urllib3.Retry(1, backoff_factor=0.1)
        )
        client = Minio(
            address.netloc, *keys, secure=address.scheme == "https",
            region=os.environ["S3_REGION"], http_client=pool,
        )  # fmt: skip
        return cls(client, os.environ["BUCKET"])

    def keep(self, place, content):
        """Store a file under its place and the milliseconds since 1970; returns its entity tag."""
        name = f"{place}/{time.time_ns() // 1_000_000}.xml"
        try:
            stored = self._client.put_object(
                self._bucket, name, BytesIO(content), len(content), content_type="application/xml"
            )
        except (MinioException, urllib3.exceptions.HTTPError) as failed:
            raise Away(f"it cannot be stored: {type(failed).__name__}") from failed
        return stored.etag
