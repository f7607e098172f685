"""What is counted, for Prometheus."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

CALLS = Counter(
    "connector_calls", "Calls of functions, by the status that was answered (0: no answer)",
    ["function", "status"],
)  # fmt: skip
SECONDS = Histogram(
    "connector_call_seconds", "Seconds until a call was answered", ["function"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)  # fmt: skip
RETRIES = Counter("connector_retries", "Calls that were made once more", ["function"])
GIVEN_UP = Counter(
    "connector_given_up", "Events that no call of the function succeeded for", ["function"]
)
LOST = Counter(
    "connector_lost",
    "Messages that were dropped, as more came than could be handed on",
    ["function"],
)
SKIPPED = Counter(
    "connector_skipped", "Scheduled calls left out, as the one before was still under way",
    ["function"],
)  # fmt: skip
FUNCTIONS = Gauge("connector_functions", "Functions that this connector calls")
REFUSED = Gauge("connector_refused_functions", "Functions whose annotations cannot be used")
LOOKS = Counter("connector_gateway_looks", "Looks at which functions there are", ["result"])
