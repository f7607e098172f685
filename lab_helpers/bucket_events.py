"""What happens in a bucket, as its server tells it, and as a picture."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from io import BytesIO
from secrets import token_hex
from threading import Event, Thread
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import httpx

from . import _wait
from ._exceptions import LabError
from .plots import Plot

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from minio import Minio

ROWS = {"ObjectCreated": "stored", "ObjectAccessed": "read", "ObjectRemoved": "removed"}
"""What events are about, in words, from top to bottom of the picture."""
_LOOKS = {"stored": ("#4c7a34", "^"), "read": ("#0b6e99", "o"), "removed": ("#c2571a", "v")}


class BucketEvent(NamedTuple):
    """One event.

    :ivar seconds: since the recording began, by the server's clock.
    :ivar what: ``stored``, ``read`` or ``removed``.
    :ivar kind: as S3 calls it, ``s3:ObjectCreated:Put``.
    :ivar name: the object's.
    :ivar size: in bytes, where the server says it.
    """

    seconds: float
    what: str
    kind: str
    name: str
    size: int | None


class BucketEvents:
    """Listens to a bucket while a block runs.

    MinIO's last state does not send what it has told until some kilobytes of it have come together.
    So an object of a name of its own, with a lot to tell of, is asked for again and again whenever
    something is awaited; its events push the others out, and are not counted.

    :param link: presigned for listening.
    :param s3: a client that may do everything.
    """

    def __init__(self, http: httpx.Client, link: str, s3: Minio, bucket: str) -> None:
        self._http, self._link, self._s3, self._bucket = http, link, s3, bucket
        self._pusher = f"recording-{token_hex(4)}"
        self._records: list[BucketEvent] = []
        self._began: datetime | None = None
        self._ending = Event()
        self._failed = ""
        self._thread = Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Self:
        self._put_pusher()
        self._thread.start()
        try:
            _wait.until(f"the events of bucket {self._bucket}", self._begun, timeout=10)
        except LabError:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        self._end()
        if kind is None:
            self._raise_if_failed()

    def __iter__(self) -> Iterator[BucketEvent]:
        return iter(tuple(self._records))

    def wait_for(self, count: int, *, timeout: float = 10) -> None:
        """Wait until so many events have come.

        :raises WaitTimeout: they did not; says how many.
        :raises LabError: the server tells no more.
        """

        def probe() -> None:
            self._push()
            if len(self._records) < count:
                self._raise_if_failed()
                raise _wait.NotYet(f"{len(self._records)} have come")

        _wait.until(f"{count} events of bucket {self._bucket}", probe, timeout=timeout)

    def plot(self, title: str) -> EventPlot:
        """The events as a picture."""
        return EventPlot(title, tuple(self))

    def _put_pusher(self) -> None:
        from minio.error import S3Error

        padding = {"padding": "x" * 1900}
        try:
            self._s3.put_object(self._bucket, self._pusher, BytesIO(), 0, metadata=dict(padding))
        except S3Error as refused:
            self._failed = f"{refused.code}: {refused.message}"
            self._raise_if_failed()

    def _begun(self) -> None:
        self._raise_if_failed()
        self._push()
        if self._began is None:
            raise _wait.NotYet("nothing has come")

    def _push(self) -> None:
        for _ in range(16):
            self._s3.stat_object(self._bucket, self._pusher)

    def _end(self) -> None:
        self._ending.set()
        # It ends with the next piece that comes.
        while self._thread.is_alive() and not self._failed:
            self._push()
            self._thread.join(0.05)
        self._s3.remove_object(self._bucket, self._pusher)

    def _raise_if_failed(self) -> None:
        if self._failed:
            raise LabError(
                f"the events of bucket {self._bucket} cannot be had",
                seen=self._failed,
                remedy="only MinIO tells them in this way",
            )

    def _listen(self) -> None:
        try:
            # Packed, it would take even longer until enough has come together.
            plain = {"Accept-Encoding": "identity"}
            with self._http.stream("GET", self._link, headers=plain) as answer:
                if answer.status_code != httpx.codes.OK:
                    answer.read()
                    self._failed = f"{answer.status_code}: {answer.text[:200]}"
                    return
                self._read(answer.iter_raw())
        except (httpx.HTTPError, ValueError) as wrong:
            self._failed = f"{type(wrong).__name__}: {wrong}"
        else:
            if not self._ending.is_set():
                self._failed = "the server has nothing more to say"

    def _read(self, chunks: Iterator[bytes]) -> None:
        """One line of JSON an event, and blanks in between."""
        rest = b""
        for chunk in chunks:
            *lines, rest = (rest + chunk).split(b"\n")
            for line in filter(bytes.strip, lines):
                for record in json.loads(line)["Records"]:
                    self._keep(record)
            if self._ending.is_set():
                return

    def _keep(self, record: dict[str, Any]) -> None:
        when = datetime.fromisoformat(record["eventTime"])
        self._began = self._began or when
        kind, about = record["eventName"], record["s3"]["object"]
        # As it is, and not encoded as in what MinIO sends to webhooks.
        name = about["key"]
        if name != self._pusher:
            what = ROWS.get(kind.split(":")[1], kind)
            seconds = (when - self._began).total_seconds()
            self._records.append(BucketEvent(seconds, what, kind, name, about.get("size")))


class EventPlot(Plot):
    """Events along the time: one row for each kind, a mark for each event."""

    def __init__(self, title: str, events: tuple[BucketEvent, ...]) -> None:
        super().__init__(title)
        self.events = events

    def text(self) -> str:
        """How many of each kind, and when the first and the last one came."""
        counts = Counter(each.what for each in self.events)
        lines = [self.title]
        for what in ROWS.values():
            times = [each.seconds for each in self.events if each.what == what]
            span = f", from {min(times):.1f} s to {max(times):.1f} s" if times else ""
            lines.append(f"{what}: {counts[what]} events{span}")
        return "\n".join(lines)

    def figure(self) -> Figure:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(7, 2.2), layout="constrained")
        axes = figure.add_subplot()
        rows = list(ROWS.values())
        for row, what in enumerate(rows):
            colour, marker = _LOOKS[what]
            times = [each.seconds for each in self.events if each.what == what]
            axes.plot(times, [row] * len(times), linestyle="none", alpha=0.6, markersize=8,
                      color=colour, marker=marker)  # fmt: skip
        counts = Counter(each.what for each in self.events)
        axes.set_yticks(range(len(rows)), [f"{what} ({counts[what]})" for what in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set(title=self.title, xlabel="seconds")
        axes.set_xlim(left=0)
        axes.grid(axis="x", alpha=0.3)
        return figure
