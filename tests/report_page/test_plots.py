"""Plots: all of a drawing stands within it, and says in words what it shows."""

import re
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from batch.report_page.night_curve import Night, Step, StopMark
from batch.report_page.plots import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    STOPS,
    TOP,
    WIDTH,
    plot_night,
    plot_run_times,
    str_count,
)

STEPS = st.lists(
    st.builds(
        Step,
        at=st.floats(0, 1e5),
        at_fal=st.integers(-3, 3),
        done=st.integers(0, 1),
        failed=st.integers(0, 1),
        spent=st.floats(0, 2e6),
    ),
    min_size=1,
    max_size=50,
)


def utc(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def inside(path: str) -> bool:
    across = [float(x) for x in re.findall(r"(?:M|H)([-\d.e+]+)", path)]
    up = [float(y) for y in re.findall(r"(?:M[-\d.e+]+ |V)([-\d.e+]+)", path)]
    within = all(LEFT - 0.1 <= x <= WIDTH - RIGHT + 0.1 for x in across)
    return within and all(TOP - 0.1 <= y <= HEIGHT - BOTTOM + 0.1 for y in up)


@given(STEPS)
def test_every_curve_stands_within_its_drawing(steps: list[Step]) -> None:
    """Whatever happened, also all of it at once."""
    steps = sorted(steps, key=lambda step: step.at)
    plot = plot_night(Night(steps[0].at, steps[-1].at, steps=steps), utc)
    for panel in plot.panels:
        assert all(inside(curve.path) for curve in panel.curves)
        assert all(LEFT <= mark.at <= WIDTH - RIGHT for mark in panel.across)
        assert panel.says


def test_stops_are_marked_and_told() -> None:
    """In every plot of the night; of very many the first ones."""
    night = Night(0.0, 3600.0, steps=[Step(0.0, done=1)], stops=[StopMark(60.0 * n, f"stop {n}") for n in range(9)])
    plot = plot_night(night, utc)
    assert plot.stops[:2] == ["00:00: stop 0", "00:01: stop 1"]
    assert {len(panel.stops) for panel in plot.panels} == {STOPS}


@given(st.lists(st.floats(0, 1e6), max_size=60))
def test_a_histogram_counts_each_once(seconds: list[float]) -> None:
    """Its bars stand within the drawing; of one video there is none."""
    bars = plot_run_times(seconds)
    if len(seconds) < 2:
        assert bars is None
        return
    assert bars is not None
    assert sum(int(bar.label.split(" ")[0].replace(",", "")) for bar in bars.bars) == len(seconds)
    assert all(bar.x >= LEFT and bar.x + bar.width <= WIDTH - RIGHT + 0.5 for bar in bars.bars)
    assert all(bar.y >= TOP - 0.1 for bar in bars.bars)


def test_large_counts_are_short() -> None:
    """There is little room beside an axis."""
    assert [str_count(one) for one in (0, 900, 1200, 12_000, 2_500_000)] == ["0", "900", "1,200", "12k", "2500k"]
