"""What a learner has passed: one ConfigMap on the cluster, which clean-up leaves alone."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ._exceptions import LabError
from ._kubectl import kubectl
from .cluster import Connection

if TYPE_CHECKING:
    from kubernetes.client import CoreV1Api

    from ._lab import Lab
    from .checks import Check

NAMESPACE = "lab-course"
NAME = "progress"
SEEN = 300
"""How many letters of what was seen are kept; a ConfigMap has room for a mebibyte."""
_LONGEST = 100


def key(chapter: str, claim: str) -> str:
    """The name of a claim in the record: readable, and another for every other claim."""
    slug = re.sub(r"[^a-z0-9]+", "-", claim.lower()).strip("-")
    if slug.replace("-", " ") != claim or len(slug) > _LONGEST:
        told_apart = hashlib.sha256(claim.encode()).hexdigest()[:6]
        slug = f"{slug[:_LONGEST]}-{told_apart}".lstrip("-")
    return f"{chapter}.{slug}"


def exercise_key(exercise: str) -> str:
    """The name of an exercise, ``chapter/name``, in the record."""
    return exercise.replace("/", ".exercise-")


def keep(lab: Lab, name: str, check: Check) -> None:
    """Note a check that passed, and what it saw. That this fails is said, and is no failure."""
    entry = {
        "claim": check.claim,
        "seen": check.seen if len(check.seen) <= SEEN else check.seen[: SEEN - 1] + "…",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    try:
        _patch(lab, {name: json.dumps(entry, ensure_ascii=False)})
    except Exception as refused:
        # A claim holds, whatever becomes of the note of it.
        said = str(getattr(refused, "reason", "") or refused)
        reason = " ".join(said.split()) or type(refused).__name__
        print(f"(passed, but not noted in your progress: {reason[:200]})")


def _patch(lab: Lab, data: dict[str, str]) -> None:
    """Merge these into the ConfigMap: what others write at the same time is not lost."""
    from kubernetes.client import CoreV1Api
    from kubernetes.client.exceptions import ApiException

    core, name = CoreV1Api(lab.api), lab.name(NAME)
    patch = {"data": data}
    try:
        core.patch_namespaced_config_map(name, NAMESPACE, patch, _request_timeout=5)
    except ApiException as refused:
        if refused.status != 404:
            raise
        _begin(lab, core, name)
        core.patch_namespaced_config_map(name, NAMESPACE, patch, _request_timeout=5)


def _begin(lab: Lab, core: CoreV1Api, name: str) -> None:
    from kubernetes.client import V1ConfigMap, V1ObjectMeta
    from kubernetes.client.exceptions import ApiException

    lab.apply("course")
    try:
        core.create_namespaced_config_map(NAMESPACE, V1ConfigMap(metadata=V1ObjectMeta(name=name)))
    except ApiException as refused:
        if refused.status != 409:  # somebody else was quicker
            raise


def read(connection: Connection, *, learner: str = "") -> dict[str, dict[str, Any]] | None:
    """What was passed, by its name in the record; None where the cluster does not say.

    Shape: ``{"01.one-pod-is-ready": {"claim", "seen", "at"}}``.
    """
    name = f"{learner}-{NAME}" if learner else NAME
    try:
        found = kubectl(
            connection.kubectl, connection.kubeconfig, "get", "configmap", name,
            "--namespace", NAMESPACE, "--ignore-not-found", "--request-timeout=2s", "-o", "json",
            timeout=5,
        )  # fmt: skip
        data = (json.loads(found).get("data") or {}) if found else {}
        return {name: json.loads(entry) for name, entry in data.items()}
    except (LabError, ValueError):
        return None
