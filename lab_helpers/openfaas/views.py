"""What OpenFaaS says of functions, to read: as text, and as a table in a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from .gateway import LogLine

Object = dict[str, Any]


@dataclass(frozen=True)
class Listing:
    """A table.

    :ivar head: what the columns are called.
    :ivar empty: what to say where there are no rows.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    empty: str = ""

    def text(self) -> str:
        """The table with its columns one below the other."""
        if not self.rows:
            return self.empty
        rows = [self.head, *self.rows]
        widths = [max(len(row[place]) for row in rows) for place in range(len(self.head))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        )

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        if not self.rows:
            return f"<p>{escape(self.empty)}</p>"
        head = "".join(f"<th>{escape(name)}</th>" for name in self.head)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self.rows
        )
        return f"<table><tr>{head}</tr>{body}</table>"


class Functions(Listing):
    """The functions that are deployed.

    :ivar names: in the order of the alphabet.
    """

    @classmethod
    def of(cls, found: Sequence[Object]) -> Functions:
        """The gateway's answer as a table."""
        head = ("function", "calls", "replicas", "available", "image")
        rows = (
            (
                each["name"],
                f"{each.get('invocationCount', 0):.0f}",
                str(each.get("replicas", 0)),
                str(each.get("availableReplicas", 0)),
                # Its tag says which one it is, as its digest does at greater length.
                each["image"].partition("@")[0],
            )
            for each in sorted(found, key=lambda each: str(each["name"]))
        )
        return cls(head, tuple(rows), "no function is deployed")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(row[0] for row in self.rows)


@dataclass(frozen=True)
class Description:
    """One function that is deployed.

    :ivar status: the gateway's answer.
    :ivar url: where it is called; ``async_url`` puts a call into the queue.
    :ivar trouble: why it does not start; empty where nothing speaks against it.
    """

    status: Object
    url: str
    async_url: str
    trouble: str = ""

    @property
    def ready(self) -> bool:
        """Whether somebody would answer a call now."""
        return int(self.status.get("availableReplicas", 0)) > 0

    def _table(self) -> Listing:
        said = self.status
        state = "ready" if self.ready else "not ready" if said.get("replicas") else "at zero"
        rows = {
            "function": said["name"],
            "namespace": said.get("namespace", ""),
            "state": state,
            "trouble": self.trouble,
            "replicas": str(said.get("replicas", 0)),
            "available": str(said.get("availableReplicas", 0)),
            "calls": f"{said.get('invocationCount', 0):.0f}",
            "image": said["image"],
            "url": self.url,
            "async url": self.async_url,
            "environment": _pairs(said.get("envVars")),
            "secrets": ", ".join(said.get("secrets") or ()),
            "labels": _pairs(said.get("labels")),
            "annotations": _pairs(said.get("annotations")),
            "limits": _pairs(said.get("limits")),
            "requests": _pairs(said.get("requests")),
        }
        return Listing(("", ""), tuple((name, value) for name, value in rows.items() if value))

    def text(self) -> str:
        """One line for each property."""
        return self._table().text().lstrip("\n")

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return self._table()._repr_html_()


def _pairs(given: Object | None) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted((given or {}).items()))


class Logs(tuple[LogLine, ...]):
    """The lines of a log, shown one below the other."""

    __slots__ = ()

    def text(self) -> str:
        return "\n".join(map(str, self))

    def __repr__(self) -> str:
        return self.text()
