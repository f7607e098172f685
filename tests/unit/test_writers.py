"""lab_helpers.writers"""

from __future__ import annotations

from itertools import count
from typing import Any, cast

import httpx

from lab_helpers import LabError, _wait
from lab_helpers.openfaas.workflow import OpenFaaS
from lab_helpers.writers import Write, Writers


class Function:
    """Stores what it is given, but for some calls in the middle."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self._calls = count()

    def invoke(self, name: str, body: dict[str, Any], *, quiet: bool) -> httpx.Response:
        assert (name, quiet) == ("keep", True)
        call = next(self._calls)
        if call == 5:
            raise LabError("no answer came")
        if 5 < call < 10:
            return httpx.Response(503, json={"error": "not now"})
        self.bodies.append(body)
        return httpx.Response(201, json={"_id": str(call)})


def test_every_write_is_counted_and_the_acknowledged_are_known() -> None:
    function = Function()
    with Writers(cast(OpenFaaS, function), "keep", clients=3, document={"a": 1}) as writers:

        def enough() -> None:
            if writers.stored_again < 20:
                raise _wait.NotYet(f"{writers.stored_again}")

        _wait.until("twenty documents", enough, timeout=10, interval=0.001)
    assert writers.statuses[503] == 4
    assert writers.statuses[0] == 1
    assert len(writers.acknowledged) == writers.statuses[201] == len(function.bodies)
    numbers = {(each["writer"], each["number"]) for each in function.bodies}
    assert len(numbers) == len(function.bodies)
    assert all(each["a"] == 1 for each in function.bodies)


def written(*writes: Write) -> Writers:
    writers = Writers(cast(OpenFaaS, None), "keep")
    writers.writes = list(writes)
    return writers


def test_what_was_stored_after_a_refusal_is_told_from_what_was_before() -> None:
    stored, refused = Write(0.1, 201, "a"), Write(0.2, 503)
    assert written(stored, stored).stored_again == 0
    assert written(stored, refused).stored_again == 0
    assert written(stored, refused, stored, refused, stored).stored_again == 2


def test_the_gap_is_the_longest_time_without_a_stored_document() -> None:
    writers = written(
        Write(0.5, 201, "a"), Write(1.0, 201, "b"), Write(2.0, 503), Write(4.0, 201, "c")
    )
    assert writers.gap == 3.0
    assert written().gap == 0.0


def test_the_picture_has_a_line_for_each_answer() -> None:
    plot = written(Write(0.1, 201, "a"), Write(0.9, 201, "b"), Write(1.5, 503)).plot("Drill")
    assert plot.series == {
        "stored (201)": [(0.0, 2.0), (1.0, 0.0)],
        "not now (503)": [(0.0, 0.0), (1.0, 1.0)],
    }
