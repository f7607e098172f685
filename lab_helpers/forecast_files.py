"""The forecast app's files: its page in one bucket, the agency's forecasts in another."""

from __future__ import annotations

import json
import mimetypes
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import httpx

from . import _http
from ._exceptions import LabError

if TYPE_CHECKING:
    from .storage import Storage

AGENCY = "https://www.aemet.es"
_SAMPLE = "/xml/municipios/localidad_28079.xml"
_SECONDS = 4
"""For the agency to answer, before it counts as out of reach."""
_KINDS = {".js": "text/javascript", ".svg": "image/svg+xml"}
"""Kinds of files that a machine's own table may name otherwise; browsers insist on them."""


def reachable() -> bool:
    """Whether the agency answers with a forecast."""
    try:
        with _http.client(timeout=_SECONDS) as client:
            found = client.get(f"{AGENCY}{_SAMPLE}", follow_redirects=True).raise_for_status()
    except httpx.HTTPError:
        return False
    return found.content.lstrip().startswith(b"<?xml")


def publish(storage: Storage, bucket: str, folder: Path) -> None:
    """Put the files of a folder into a new bucket, for everybody to read."""
    storage.remove_bucket(bucket)
    storage.s3.make_bucket(bucket)
    read = _allowed(f"{bucket}/*", "GetObject") | {"Principal": "*"}
    storage.s3.set_bucket_policy(bucket, json.dumps(_policy(read)))
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        name = path.relative_to(folder).as_posix()
        kind = _KINDS.get(path.suffix) or mimetypes.guess_type(name)[0]
        # Browsers ask each time whether there is a newer one.
        storage.s3.fput_object(
            bucket, name, str(path), content_type=kind or "application/octet-stream",
            metadata={"Cache-Control": "no-cache"},
        )  # fmt: skip


class ForecastFiles:
    """Forecasts as the agency gives them, ``PLACE/MILLISECONDS.xml``.

    :ivar bucket: where they are.
    :ivar user: who may read and write them, and nothing else.
    """

    def __init__(self, storage: Storage, bucket: str, user: str) -> None:
        self.bucket, self.user = bucket, user
        self._storage = storage

    def begin(self, key: str) -> None:
        """A new bucket, and the user, who has this key from now on."""
        self._storage.remove_bucket(self.bucket)
        self._storage.s3.make_bucket(self.bucket)
        admin = self._storage.admin
        admin.user_add(self.user, key)
        allowed = _policy(_allowed(f"{self.bucket}/*", "GetObject", "PutObject"))
        admin.policy_add(self.user, policy=allowed)
        admin.policy_set(self.user, user=self.user)

    def remove(self) -> None:
        """Remove bucket and user; what is not there is fine."""
        self._storage.remove_bucket(self.bucket)
        self._storage.remove_user(self.user)

    def names(self) -> list[str]:
        """The names of all files, of each place the oldest first."""
        found = self._storage.s3.list_objects(self.bucket, recursive=True)
        return sorted(each.object_name for each in found if each.object_name)

    def put(self, content: bytes, place: str) -> str:
        """Store a file as ``download-forecast`` does, and return its name."""
        name = f"{place}/{int(1000 * datetime.now(UTC).timestamp())}.xml"
        self._storage.s3.put_object(self.bucket, name, BytesIO(content), len(content))
        return name

    def newest(self, place: str) -> bytes:
        """The last file of a place that is a forecast of it.

        :raises LabError: there is none.
        """
        for name in reversed([each for each in self.names() if each.startswith(f"{place}/")]):
            content = self._storage.s3.get_object(self.bucket, name).data
            if _about(content) == place:
                return content
        raise LabError(f"there is no forecast of {place} in {self.bucket}", remedy="app.fetch()")


def dated(content: bytes, update: datetime) -> bytes:
    """A file of the agency's with another date.

    :param update: in the place's time, without a zone, as the agency writes it.
    """
    root = ElementTree.fromstring(content)  # noqa: S314 - one that was made here
    made = root.find("elaborado")
    if made is None:
        raise LabError("the file does not say when it was made")
    made.text = update.isoformat(timespec="seconds")
    written: bytes = ElementTree.tostring(root, encoding="ISO-8859-15", xml_declaration=True)
    return written


def _about(content: bytes) -> str:
    """The number of the place that a file is about; nothing where it is no forecast."""
    try:
        return ElementTree.fromstring(content).get("id", "")  # noqa: S314 - stored here
    except ElementTree.ParseError:
        return ""


def _allowed(resource: str, *actions: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": [f"s3:{each}" for each in actions],
            "Resource": [f"arn:aws:s3:::{resource}"]}  # fmt: skip


def _policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}
