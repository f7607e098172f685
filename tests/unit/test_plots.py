"""lab_helpers.plots"""

from __future__ import annotations

import pytest

from lab_helpers.plots import LatencyPlot, Plot, SharePlot, TimePlot

PLOTS = [
    LatencyPlot("Waiting", {"warm": [1.0, 2.0, 9.0], "cold": [800.0]}),
    SharePlot("Who", {"v1": 79, "v2": 21}, {"v1": 80, "v2": 20}),
    TimePlot("Calls", {"200": [(0, 1.0), (5, 12.0), (10, 4.0)], "500": []}, unit="requests/s"),
]


@pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: plot.title)
def test_a_picture_says_in_words_what_it_shows(plot: Plot) -> None:
    png, metadata = plot._repr_png_()
    assert png.startswith(b"\x89PNG")
    assert metadata["alt"] == plot.text() == repr(plot)
    assert plot.text().startswith(plot.title)


def test_latencies_are_told_by_their_median_and_the_slowest() -> None:
    assert PLOTS[0].text().splitlines()[1:] == [
        "warm: 3 requests, median 2 ms, slowest 9 ms",
        "cold: 1 requests, median 800 ms, slowest 800 ms",
    ]


def test_latencies_are_drawn_one_mark_each() -> None:
    (axes,) = PLOTS[0].figure().axes
    marks = [line for line in axes.lines if line.get_linestyle() == "None"]
    assert [list(line.get_xdata()) for line in marks] == [[1.0, 2.0, 9.0], [800.0]]
    assert axes.get_xscale() == "log"
    assert len({line.get_marker() for line in marks}) == 2, "told apart without colours, too"


def test_shares_are_told_beside_what_was_asked_for() -> None:
    assert PLOTS[1].text().splitlines()[1:] == [
        "v1: 79.0 % (asked for: 80 %)",
        "v2: 21.0 % (asked for: 20 %)",
    ]


def test_who_was_not_asked_for_is_shown_as_well() -> None:
    plot = SharePlot("Who", {"v1": 1, "v3": 3}, {"v1": 50, "v2": 50})
    assert plot.shares == {"v1": 25, "v2": 0, "v3": 75}


def test_no_answers_are_no_error() -> None:
    assert SharePlot("Who", {}, {"v1": 100}).shares == {"v1": 0}


def test_a_series_is_told_by_its_ends_and_its_extremes() -> None:
    assert PLOTS[2].text().splitlines()[1:] == [
        "200: 1 at first, 4 at last; from 1 to 12 requests/s, the most after 5 s",
        "500: nothing was measured",
    ]


def test_series_are_lines_that_are_told_apart_without_colours() -> None:
    plot = TimePlot("Pods", {"a": [(0, 1), (2, 3)], "b": [(0, 2), (2, 2)]}, steps=True)
    (axes,) = plot.figure().axes
    assert [list(line.get_ydata()) for line in axes.lines] == [[1, 3], [2, 2]]
    assert len({line.get_linestyle() for line in axes.lines}) == 2
    assert {line.get_drawstyle() for line in axes.lines} == {"steps-post"}
    assert axes.get_ylim()[0] == 0
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b"]


def test_a_plot_of_no_series_is_no_error() -> None:
    assert TimePlot("Nothing", {}).text() == "Nothing"
    TimePlot("Nothing", {}).figure()
