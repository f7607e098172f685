"""What Prometheus has counted of functions: how often they were called, how long it took.

A series is a list of points ``(seconds, value)``, the seconds counted from the first moment that
was asked for. :class:`~lab_helpers.plots.TimePlot` draws several, by their names.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from .._exceptions import LabError

Series = dict[str, list[tuple[float, float]]]
WINDOW = 10
"""Seconds over which a rate is taken. Prometheus looks every two."""
_STEP = 1
"""Seconds between two points."""


@dataclass(frozen=True)
class Prometheus:
    """A Prometheus at an address.

    :ivar client: sends the queries.
    :ivar address: ``http://HOST:PORT``.
    """

    client: httpx.Client
    address: str

    def instant(self, query: str) -> dict[tuple[str, ...], float]:
        """The values of a query now, by the values of their labels in the labels' order.

        :raises LabError: the query is wrong, or Prometheus does not answer.
        """
        found = self._ask("query", query=query)["result"]
        return {_labels(each["metric"]): float(each["value"][1]) for each in found}

    def range(self, query: str, seconds: float, *, step: float = _STEP) -> Series:
        """How the values of a query went up to now.

        :param seconds: how far back.
        :param step: seconds between two points.
        :returns: series by the values of their labels; moments without a value are left out.
        :raises LabError: as for :meth:`instant`.
        """
        end = time.time()
        # Whole steps, so that the last point is of now.
        start = end - step * (seconds // step)
        found = self._ask("query_range", query=query, start=start, end=end, step=step)["result"]
        return {
            ", ".join(_labels(each["metric"])): [
                (round(at - start, 3), float(value))
                for at, value in each["values"]
                if math.isfinite(float(value))
            ]
            for each in found
        }

    def _ask(self, kind: str, **query: Any) -> Any:
        try:
            answer = self.client.get(f"{self.address}/api/v1/{kind}", params=query)
            said = answer.json()
        except (httpx.HTTPError, ValueError) as failed:
            raise LabError(
                f"Prometheus does not answer at {self.address}",
                seen=f"{type(failed).__name__}: {failed}",
                remedy="./lab status says whether the cluster runs and openfaas is enabled",
            ) from failed
        if said.get("status") != "success":
            raise LabError(
                f"Prometheus refuses {query['query']}", seen=str(said.get("error", answer.text))
            )
        return said["data"]


def _labels(metric: dict[str, str]) -> tuple[str, ...]:
    return tuple(value for name, value in sorted(metric.items()) if name != "__name__")


@dataclass(frozen=True)
class Metrics:
    """What the gateway counts of one function.

    :ivar function: ``NAME.NAMESPACE``, as the gateway calls it.
    """

    prometheus: Prometheus
    function: str

    def rates(self, seconds: float) -> Series:
        """Answers in a second, by their HTTP status."""
        counter = f"gateway_function_invocation_total{self._chosen}"
        return self.prometheus.range(f"sum by (code) (rate({counter}[{WINDOW}s]))", seconds)

    def latency(self, seconds: float, per_cents: Sequence[int]) -> Series:
        """Milliseconds that so many per cent of the answers stayed below."""
        buckets = f"rate(gateway_functions_seconds_bucket{self._chosen}[{WINDOW}s])"
        return {
            f"{per_cent} %": points
            for per_cent in per_cents
            for points in self.prometheus.range(
                f"1000 * histogram_quantile({per_cent / 100:g}, sum by (le) ({buckets}))", seconds
            ).values()
        }

    def replicas(self, seconds: float) -> Series:
        """How many pods it was meant to have."""
        found = self.prometheus.range(f"sum(gateway_service_count{self._chosen})", seconds)
        return {"replicas": next(iter(found.values()), [])}

    @property
    def calls(self) -> int:
        """How many answers there were so far, in Prometheus' count."""
        counted = self.prometheus.instant(f"sum(gateway_function_invocation_total{self._chosen})")
        return round(next(iter(counted.values()), 0))

    @property
    def _chosen(self) -> str:
        return f'{{function_name="{self.function}"}}'
