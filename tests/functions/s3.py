"""Real servers that speak S3, each a process of this machine."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import tarfile
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import IO

import httpx
from minio import Minio, MinioAdmin
from minio.credentials.providers import StaticProvider

from lab_helpers import components
from lab_helpers._wait import NotYet, until
from lab_helpers.builds import ensure
from lab_helpers.components import _parts

REGION = "us-east-1"
USER, KEY = "admin", "only for these tests"
MINE = "mine"
"""The bucket that the function's user may use; there is another one, called `others`."""
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["s3:ListBucket", "s3:GetBucketLocation"],
            "Resource": [f"arn:aws:s3:::{MINE}"],
        },
        {
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
            "Resource": [f"arn:aws:s3:::{MINE}/*"],
        },
    ],
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class S3:
    """A server that can be killed and started again on its data.

    :ivar argv: its command line.
    :ivar health: the path that answers once it is ready.
    """

    argv: list[str]
    variables: dict[str, str]
    folder: Path
    port: int
    health: str
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.argv, stdout=log, stderr=log, cwd=self.folder,
                env={**os.environ, "HOME": str(self.folder), **self.variables},
            )  # fmt: skip

        def probe() -> None:
            try:
                code = httpx.get(f"{self.address}{self.health}", trust_env=False).status_code
            except httpx.HTTPError as refused:
                code = str(refused)  # type: ignore[assignment]
            if code != 200:
                raise NotYet(f"{code}: {(self.folder / 'log').read_text(errors='replace')[-500:]}")

        until("the storage to answer", probe, timeout=30)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def client(self, user: str = USER, password: str = KEY) -> Minio:
        return Minio(f"127.0.0.1:{self.port}", user, password, secure=False, region=REGION)

    def add_user(self, name: str, password: str) -> None:
        """A user of MinIO who may use one bucket only."""
        admin = MinioAdmin(
            endpoint=f"127.0.0.1:{self.port}", secure=False, region=REGION,
            credentials=StaticProvider(USER, KEY),
        )  # fmt: skip
        admin.user_add(name, password)
        admin.policy_add(name, policy=POLICY)
        admin.policy_set(name, user=name)

    def everything(self) -> list[tuple[str, str, str | None]]:
        """Every object with its content's hash, in whichever bucket."""
        client = self.client()
        return [
            (bucket.name, str(each.object_name), each.etag)
            for bucket in client.list_buckets()
            for each in client.list_objects(bucket.name, recursive=True)
        ]


def unpacked(component: str, program: str, folder: Path) -> str:
    """The program in a component's image, as the cluster runs it; its archive is what is kept."""
    (image,) = _parts.built(components.declaration(component))
    ensure([image.artifact])
    with tarfile.open(image.archive) as archive:

        def read(digest: str) -> IO[bytes]:
            found = archive.extractfile(f"blobs/{digest.replace(':', '/')}")
            assert found is not None
            return found

        index = json.load(archive.extractfile("index.json") or BytesIO())
        manifest = json.load(read(index["manifests"][0]["digest"]))
        for layer in manifest["layers"]:
            with tarfile.open(fileobj=read(layer["digest"])) as files:
                if program in files.getnames():
                    files.extract(program, folder, filter="data")
    return str(folder / program)


def minio(folder: Path) -> S3:
    """MinIO, as on the cluster."""
    port = free_port()
    argv = [
        unpacked("minio", "minio", folder), "server", "--quiet", f"--address=127.0.0.1:{port}",
        str(folder / "data"),
    ]  # fmt: skip
    variables = {
        "MINIO_ROOT_USER": USER, "MINIO_ROOT_PASSWORD": KEY, "MINIO_BROWSER": "off",
        "MINIO_UPDATE": "off",
    }  # fmt: skip
    return S3(argv, variables, folder, port, "/minio/health/ready")


def seaweedfs(folder: Path) -> S3:
    """SeaweedFS, as on the cluster."""
    (folder / "data").mkdir()
    ports = {name: free_port() for name in ("s3.port", "master.port", "filer.port", "volume.port")}
    grpc = {f"{name}.grpc": free_port() for name in ports}
    argv = [
        unpacked("seaweedfs", "weed", folder), "-logtostderr", "server", f"-dir={folder / 'data'}",
        "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3", "-s3.autoCreateBucket=false",
        "-s3.port.iceberg=0", "-s3.port.lance=0",
        "-master.telemetry=false", "-master.volumeSizeLimitMB=64", "-volume.max=0",
        *(f"-{name}={port}" for name, port in (ports | grpc).items()),
    ]  # fmt: skip
    variables = {"AWS_ACCESS_KEY_ID": USER, "AWS_SECRET_ACCESS_KEY": KEY}
    return S3(argv, variables, folder, ports["s3.port"], "/healthz")
