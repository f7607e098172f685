"""OpenFaaS's gateway as a client sees it: its API under ``/system``, and the functions."""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from .._exceptions import LabError

Object = dict[str, Any]


class Refused(LabError):
    """The gateway answered a request with an error.

    :ivar status: the HTTP status.
    """

    def __init__(self, what: str, status: int, said: str) -> None:
        super().__init__(what, seen=f"{status} {said}".strip(), remedy=_REMEDIES.get(status, ""))
        self.status = status


_REMEDIES = {
    401: "connect again: the password may be of another cluster, or of one that was made anew",
    404: "faas.list() shows what there is",
    502: "lab.kubectl('get', 'pods', '-n', 'openfaas') shows whether the gateway's pod is ready",
    503: "lab.kubectl('get', 'pods', '-n', 'openfaas') shows whether the gateway's pod is ready",
}


@dataclass(frozen=True)
class LogLine:
    """A line that a function has printed.

    :ivar at: when.
    :ivar instance: the pod that printed it.
    """

    at: datetime
    instance: str
    text: str

    @classmethod
    def read(cls, line: str) -> LogLine:
        """A line of the gateway's stream: one JSON object."""
        said = json.loads(line)
        at = datetime.fromisoformat(said["timestamp"])
        return cls(at, said.get("instance", ""), said["text"].rstrip("\n"))

    def __str__(self) -> str:
        return f"{self.at:%H:%M:%S} ({self.instance}) {self.text}"


@dataclass(frozen=True)
class Gateway:
    """The gateway at one address, with the credentials for its API.

    :ivar client: sends the requests.
    :ivar address: ``http://HOST:PORT``.
    """

    client: httpx.Client
    address: str
    user: str
    password: str

    def ask(
        self, method: str, path: str, *, content: object = None, timeout: float = 30,
        **query: str,
    ) -> Any:  # fmt: skip
        """Ask the gateway's API, and return the JSON that it answers, or None.

        :param path: below ``/system/``.
        :param content: sent as JSON.
        :raises Refused: it answered with an error.
        """
        answer = self.send(
            method, f"/system/{path}", json=content, params=_given(query),
            auth=(self.user, self.password), timeout=timeout,
        )  # fmt: skip
        if answer.is_error:
            raise Refused(f"the gateway refuses {method} {path}", answer.status_code, _said(answer))
        # Some successes are told in words: `deployment created`, for one.
        is_json = answer.headers.get("content-type", "").startswith("application/json")
        return answer.json() if is_json and answer.content else None

    def send(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Send a request of any kind; ``request`` is as for httpx.

        :raises LabError: no answer came.
        """
        try:
            return self.client.request(method, f"{self.address}{path}", **request)
        except httpx.TimeoutException as late:
            raise LabError(
                f"{method} {path} was not answered in time",
                seen=f"{type(late).__name__} after {request.get('timeout')} s",
                remedy="give it more time with timeout=…, or call it with invoke_async",
            ) from late
        except httpx.HTTPError as failed:
            raise self._away(failed) from failed

    def status(self, name: str, namespace: str) -> Object | None:
        """What the gateway says of a function; None where there is no such function."""
        try:
            found: Object = self.ask("GET", f"function/{name}", namespace=namespace)
        except Refused as refused:
            if refused.status == httpx.codes.NOT_FOUND:
                return None
            raise
        return found

    def namespaces(self) -> list[str]:
        """The namespaces that functions can be in."""
        found: list[str] = self.ask("GET", "namespaces") or []
        return found

    def log_lines(
        self, name: str, namespace: str, *, idle: float, **query: str
    ) -> Generator[LogLine]:
        """The lines of a function's log as they come, until the gateway ends the stream.

        :param idle: seconds without a line after which it ends as well.
        :param query: ``tail``, ``since`` and ``follow``, as the gateway's API has them.
        """
        wanted = {"name": name, "namespace": namespace, **_given(query)}
        try:
            with self.client.stream(
                "GET", f"{self.address}/system/logs", params=wanted,
                auth=(self.user, self.password), timeout=httpx.Timeout(30, read=idle),
            ) as answer:  # fmt: skip
                if answer.is_error:
                    answer.read()
                    raise Refused("the gateway gives no log", answer.status_code, _said(answer))
                yield from (LogLine.read(line) for line in answer.iter_lines() if line.strip())
        except (httpx.ReadTimeout, httpx.RemoteProtocolError):
            # Nothing more was printed, or the gateway's own time for a request is over.
            return
        except httpx.HTTPError as failed:
            raise self._away(failed) from failed

    def _away(self, failed: httpx.HTTPError) -> LabError:
        return LabError(
            f"the gateway does not answer at {self.address}",
            seen=f"{type(failed).__name__}: {failed}",
            remedy="./lab status says whether the cluster runs and openfaas is enabled",
        )


def _given(query: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in query.items() if value}


def _said(answer: httpx.Response) -> str:
    """What an answer says, without its JSON where that is only a wrapping."""
    try:
        said = answer.json()
    except ValueError:
        return answer.text.strip()
    if isinstance(said, dict) and set(said) <= {"error", "message"} and said:
        return "; ".join(map(str, said.values()))
    return answer.text.strip()
