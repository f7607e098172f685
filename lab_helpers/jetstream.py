"""What NATS keeps for functions, as the server itself says it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._lab import Lab


def consumers(lab: Lab, subject: str) -> set[str]:
    """Who gets what is kept of a subject: ``FUNCTION_NAMESPACE``, as the connector names them."""
    with lab.port_forward("service/nats", 8222, namespace="nats") as way:
        address = f"http://{way.host}:{way.port}/jsz?consumers=true&config=true"
        said = lab.http.get(address).json()
    streams: list[dict[str, Any]] = [
        stream
        for account in said.get("account_details") or []
        for stream in account.get("stream_detail") or []
    ]
    return {
        consumer["name"]
        for stream in streams
        if subject in stream["config"]["subjects"]
        for consumer in stream.get("consumer_detail") or []
    }
