"""The plot of a load shows as many rows, and as much waiting, as there were."""

from __future__ import annotations

from itertools import accumulate, pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pango_load.report.pace_chart import Wait, make_pace_chart, pace_svg, round_top

seconds = st.floats(0.001, 5000, allow_nan=False)
gains = st.lists(st.tuples(seconds, st.integers(0, 10_000)), min_size=1, max_size=60)
spans = st.lists(
    st.builds(
        lambda label, start, length: Wait(label, start, start + length), st.sampled_from("abc"), seconds, seconds
    ),
    max_size=400,
)


def a_series(steps: list[tuple[float, int]]) -> list[tuple[float, int]]:
    times = accumulate(gap for gap, _ in steps)
    rows = accumulate(more for _, more in steps)
    return [(0.0, 0), *zip(times, rows, strict=True)]


@given(gains)
def test_the_area_under_the_pace_is_the_rows_accepted(steps: list[tuple[float, int]]) -> None:
    """No burst is lost between two slots, and none is counted twice."""
    series = a_series(steps)
    chart = make_pace_chart(series, [])
    if chart is None:
        assert series[-1][0] < 2 or series[-1][1] == 0
        return
    widths = [end - start for start, end in pairwise(chart.edges)]
    assert sum(rate * width for rate, width in zip(chart.rates, widths, strict=True)) == pytest.approx(series[-1][1])
    assert len(chart.rates) <= 121
    assert all(-1e-6 <= rate <= chart.top * 1.000001 for rate in chart.rates)


@given(spans)
def test_time_waited_is_the_time_shaded(waits: list[Wait]) -> None:
    """Overlaps count once, and many short waits are as dark as they were long."""
    chart = make_pace_chart([(0, 0), (4000, 10)], waits)
    assert chart is not None
    for told in chart.waits:
        edges = sorted(
            {min(edge, 4000) for wait in waits if wait.label == told.label for edge in (wait.start, wait.end)}
        )
        union = sum(
            end - start
            for start, end in pairwise(edges)
            if any(wait.label == told.label and wait.start <= start and end <= wait.end for wait in waits)
        )
        assert told.seconds == pytest.approx(union)
        shaded = sum((shade.end - shade.start) * shade.share for shade in told.shades)
        assert shaded == pytest.approx(union, abs=4000 * 0.02)
        assert all(0 <= shade.start < shade.end <= 4000 and 0 < shade.share <= 1 for shade in told.shades)


def test_a_days_short_waits_stay_a_small_page() -> None:
    """86,400 waits of the window of one second must not be 86,400 shapes."""
    waits = [Wait("1 s", second, second + 0.5) for second in range(86_400)]
    chart = make_pace_chart([(0, 0), (86_400, 1_000_000)], waits)
    assert chart is not None
    assert len(chart.waits[0].shades) <= 251
    assert {round(shade.share, 1) for shade in chart.waits[0].shades} == {0.5}
    assert len(pace_svg(chart, "x")) < 40_000


def test_a_load_that_was_over_at_once_has_no_plot() -> None:
    """A pace over 0.4 s says nothing."""
    assert make_pace_chart([(0, 0), (0.4, 50)], []) is None
    assert make_pace_chart([], []) is None
    assert make_pace_chart([(0, 0), (60, 0)], []) is None


def test_a_last_slot_that_is_very_short_is_joined_to_the_one_before() -> None:
    """A burst in the last blink of a load would tower over it by chance."""
    chart = make_pace_chart([(0, 0), (10, 1000), (10.01, 1050)], [])
    assert chart is not None
    assert chart.edges[-2:] == (9.0, 10.01)
    assert max(chart.rates) == pytest.approx(150 / 1.01)


@pytest.mark.parametrize(("most", "top"), [(0.3, 0.3), (1, 1), (66, 80), (101, 200), (850, 1000), (2500, 3000)])
def test_the_axis_ends_at_a_round_number(most: float, top: float) -> None:
    """A person reads 80, not 66.8."""
    assert round_top(most) == pytest.approx(top)


def test_the_plot_is_well_formed_and_told_in_words() -> None:
    """Browsers forgive much, other readers do not."""
    chart = make_pace_chart([(0, 0), (10, 1000)], [Wait("1 s", 1, 2), Wait("1 min", 3, 20)])
    assert chart is not None
    drawn = ET.fromstring(pace_svg(chart, "as words"))  # noqa: S314 - our own text
    assert drawn.attrib["aria-label"] == "as words"
    assert [waits.label for waits in chart.waits] == ["1 min", "1 s"]
