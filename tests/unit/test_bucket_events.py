"""lab_helpers.bucket_events"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, cast

import httpx
import pytest
from minio import Minio

from lab_helpers import LabError
from lab_helpers.bucket_events import BucketEvent, BucketEvents, EventPlot


def record(kind: str, key: str, size: int | None = None, *, at: float = 0) -> bytes:
    about = {"key": key} if size is None else {"key": key, "size": size}
    when = f"2026-11-28T12:00:{at:06.3f}Z"
    said = {"eventName": f"s3:{kind}", "eventTime": when, "s3": {"object": about}}
    return json.dumps({"Records": [said]}).encode() + b"\n"


class Storage:
    """Notes which objects there are."""

    def __init__(self) -> None:
        self.objects: set[str] = set()

    def put_object(self, _: str, name: str, *__: Any, **___: Any) -> None:
        self.objects.add(name)

    def stat_object(self, _: str, name: str) -> None:
        assert name in self.objects

    def remove_object(self, _: str, name: str) -> None:
        self.objects.remove(name)


class Told(httpx.SyncByteStream):
    """What a server tells, in pieces that break anywhere, and blanks for ever after."""

    def __init__(self, text: bytes, *, ends: bool = False) -> None:
        self.text, self.ends = text, ends

    def __iter__(self) -> Iterator[bytes]:
        for at in range(0, len(self.text), 7):
            yield self.text[at : at + 7]
        while not self.ends:
            yield b" "


@pytest.fixture
def storage() -> Iterator[Storage]:
    used = Storage()
    yield used
    assert used.objects == set(), "what pushes the events out is taken away again"


def listening(storage: Storage, answer: httpx.Response) -> BucketEvents:
    client = httpx.Client(transport=httpx.MockTransport(lambda _: answer))
    return BucketEvents(client, "http://minio.localhost/x?events", cast(Minio, storage), "notes")


def test_events_are_read_however_they_come(storage: Storage) -> None:
    told = record("ObjectAccessed:Head", "x", at=1) + b"  "
    told += record("ObjectCreated:Put", "a b/é%20.txt", 5, at=1.5)
    told += record("ObjectRemoved:Delete", "x", at=4)
    with listening(storage, httpx.Response(200, stream=Told(told))) as events:
        events.wait_for(3)
    assert list(events) == [
        BucketEvent(0, "read", "s3:ObjectAccessed:Head", "x", None),
        BucketEvent(0.5, "stored", "s3:ObjectCreated:Put", "a b/é%20.txt", 5),
        BucketEvent(3, "removed", "s3:ObjectRemoved:Delete", "x", None),
    ]


def test_what_pushes_them_out_is_not_counted(storage: Storage) -> None:
    class Echo(Told):
        def __iter__(self) -> Iterator[bytes]:
            (pusher,) = storage.objects
            yield record("ObjectAccessed:Head", pusher) + record("ObjectCreated:Put", "a", 1)
            yield from super().__iter__()

    with listening(storage, httpx.Response(200, stream=Echo(b""))) as events:
        events.wait_for(1)
    assert [each.name for each in events] == ["a"]


@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        (httpx.Response(403, text="<Code>AccessDenied</Code>"), "AccessDenied"),
        (httpx.Response(200, stream=Told(b"<ListBucketResult>\n", ends=True)), "JSONDecodeError"),
    ],
    ids=["refused", "another server"],
)
def test_a_server_that_does_not_tell_is_an_error(
    storage: Storage, answer: httpx.Response, seen: str
) -> None:
    refusing = listening(storage, answer)
    with pytest.raises(LabError, match="events of bucket notes cannot be had") as refused, refusing:
        raise AssertionError("the block must not run")
    assert seen in refused.value.seen


def test_a_server_that_stops_telling_is_an_error(storage: Storage) -> None:
    told = record("ObjectCreated:Put", "x")
    ends = listening(storage, httpx.Response(200, stream=Told(told, ends=True)))
    with pytest.raises(LabError) as ended, ends:
        ends.wait_for(2)
    assert ended.value.seen == "the server has nothing more to say"


PLOT = EventPlot(
    "Events",
    (
        BucketEvent(0.1, "stored", "s3:ObjectCreated:Put", "a", 1),
        BucketEvent(0.4, "stored", "s3:ObjectCreated:Put", "b", 1),
        BucketEvent(1.2, "removed", "s3:ObjectRemoved:Delete", "a", None),
    ),
)


def test_a_picture_of_events_says_in_words_what_it_shows() -> None:
    assert PLOT.text().splitlines() == [
        "Events",
        "stored: 2 events, from 0.1 s to 0.4 s",
        "read: 0 events",
        "removed: 1 events, from 1.2 s to 1.2 s",
    ]
    png, metadata = PLOT._repr_png_()
    assert png.startswith(b"\x89PNG")
    assert metadata["alt"] == PLOT.text()


def test_each_kind_has_a_row_and_a_mark_of_its_own() -> None:
    (axes,) = PLOT.figure().axes
    assert [list(line.get_xdata()) for line in axes.lines] == [[0.1, 0.4], [], [1.2]]
    assert len({line.get_marker() for line in axes.lines}) == 3
    rows = [label.get_text() for label in axes.get_yticklabels()]
    assert rows == ["stored (2)", "read (0)", "removed (1)"]
