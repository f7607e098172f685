"""An object stored in MinIO until a function is told: by a webhook, and by NATS.

The floor is storing the object where nobody is told.
"""

from __future__ import annotations

import time
from io import BytesIO
from secrets import token_urlsafe
from statistics import median
from typing import Any

from lab_helpers import Lab, _progress, components
from lab_helpers.functions import find
from lab_helpers.openfaas import GATEWAY_INSIDE

from . import _nats
from ._received import deployed

COMPONENTS, WEBHOOK, RECEIVER = ("nats-connector", "minio"), "minio-webhook", "nats-receiver"
BUCKET = "bench-events"
ROUNDS = 40

Figures = dict[str, float]


def artifacts() -> list[Any]:
    """What has to be built before anything is measured."""
    minio = components.artifacts(components.declaration("minio"))
    return [*_nats.artifacts(), *minio, *find(WEBHOOK).artifacts]


def measure(lab: Lab) -> dict[str, Figures]:
    """Measure.

    Shape: ``{"figures": {"minio_webhook_event_ms", "minio_nats_event_ms", "minio_put_ms"},
    "ratios": {"minio_webhook_event_to_put", "minio_nats_event_to_put"}}``.
    """
    for component in COMPONENTS:
        lab.enable(component)
    storage, token = lab.storage(), token_urlsafe(24)
    storage.remove_bucket(BUCKET)
    storage.s3.make_bucket(BUCKET)

    def put(number: int) -> None:
        storage.s3.put_object(BUCKET, f"{number}.xml", BytesIO(b"<x/>"), 4)

    def timed(number: int) -> float:
        began = time.perf_counter()
        put(number)
        return 1000 * (time.perf_counter() - began)

    figures = {"minio_put_ms": median(timed(number) for number in range(ROUNDS))}
    lab.openfaas().secret("minio-webhook-token", token)
    address = f"{GATEWAY_INSIDE}/function/{WEBHOOK}"
    try:
        with deployed(lab, WEBHOOK) as told, _progress.step(f"store {ROUNDS} objects"):
            storage.targets.tell(BUCKET, storage.targets.webhook("bench", address, token=token))
            figures["minio_webhook_event_ms"] = told.took(put, ROUNDS)
        with deployed(lab, RECEIVER, topic=BUCKET) as told, _progress.step(f"store {ROUNDS} more"):
            _nats.wait_until_subscribed(lab, BUCKET)
            storage.targets.tell(BUCKET, storage.targets.nats("bench", BUCKET))
            figures["minio_nats_event_ms"] = told.took(put, ROUNDS)
    finally:
        storage.remove_bucket(BUCKET)
        with storage.targets.together():
            for kind in ("webhook", "nats"):
                storage.targets.remove(kind, "bench")
    ratios = {
        f"minio_{way}_event_to_put": figures[f"minio_{way}_event_ms"] / figures["minio_put_ms"]
        for way in ("webhook", "nats")
    }
    return {"figures": figures, "ratios": ratios}
