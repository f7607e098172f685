"""A function as the gateway lists it, and what its annotations ask for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

CRON = "cron-function"
"""The topic of functions that are called on a schedule."""


@dataclass(frozen=True)
class Function:
    """One function.

    :ivar annotations: all of them; those that matter here are `topic`, a list with commas,
        `schedule`, `timezone` and `durable`.
    """

    name: str
    namespace: str
    annotations: dict[str, str] = field(default_factory=dict)

    @classmethod
    def listed(cls, said: dict[str, Any], namespace: str) -> Function:
        """One of the gateway's answer."""
        return cls(said["name"], said.get("namespace") or namespace, said.get("annotations") or {})

    @property
    def key(self) -> str:
        """How the gateway tells it from a function of the same name elsewhere."""
        return f"{self.name}.{self.namespace}"

    @property
    def topics(self) -> tuple[str, ...]:
        """What it wants to be called for, without blanks and without repetitions."""
        said = self.annotations.get("topic", "").split(",")
        return tuple(dict.fromkeys(topic for each in said if (topic := each.strip())))

    @property
    def subjects(self) -> tuple[str, ...]:
        """The topics that are subjects of NATS."""
        return tuple(topic for topic in self.topics if topic != CRON)

    @property
    def durable(self) -> bool:
        """Whether its messages must outlive a restart."""
        return self.annotations.get("durable", "").strip().lower() == "true"
