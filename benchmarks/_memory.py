"""What a cluster's programs have in memory, while something else is done."""

from __future__ import annotations

from pathlib import Path
from threading import Event, Thread
from typing import Self

_CGROUPS = Path("/sys/fs/cgroup")
_PAUSE = 1.0
"""Seconds between two looks."""


def in_use(cgroup: str) -> float:
    """Megabytes: all that its processes have, without files that could be read again.

    :param cgroup: a cluster's.
    """
    top = _CGROUPS / "memory" / cgroup
    if top.is_dir():
        used, idle = "memory.usage_in_bytes", "total_inactive_file"
    else:
        top, used, idle = _CGROUPS / cgroup, "memory.current", "inactive_file"
    stat = dict(line.split() for line in (top / "memory.stat").read_text().splitlines())
    return (int((top / used).read_text()) - int(stat[idle])) / 1e6


class Watched:
    """Looks again and again while a block runs.

    :ivar most: the most that was in use, in megabytes.
    """

    def __init__(self, cgroup: str) -> None:
        self.most = 0.0
        self._cgroup = cgroup
        self._ended = Event()
        self._thread = Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            self.most = max(self.most, in_use(self._cgroup))
            if self._ended.wait(_PAUSE):
                return
