"""Axes: round numbers and times, few of them, that reach as far as what is shown."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.report_page.scales import clock_marks, lasting, round_steps, time_step


def utc(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


@given(st.floats(0, 1e9), st.booleans())
def test_steps_reach_the_most_and_are_few(most: float, whole: bool) -> None:
    """From 0, evenly."""
    steps = round_steps(most, whole=whole)
    assert steps[0] == 0
    assert steps[-1] >= most * 0.999
    assert 2 <= len(steps) <= 6
    assert steps[-2] < max(most, 1)


@pytest.mark.parametrize(
    ("most", "steps"), [(0, [0, 1]), (1, [0, 1]), (4, [0, 2, 4]), (24, [0, 10, 20, 30]), (1000, [0, 500, 1000])]
)
def test_what_is_counted_is_marked_in_whole_numbers(most: float, steps: list[float]) -> None:
    """Of one thing there is no half."""
    assert round_steps(most) == steps


@given(st.floats(0, 2**32), st.floats(0, 1e7), st.integers(-12, 14))
def test_marks_of_a_clock_are_round_where_the_clock_hangs(began: float, length: float, ahead: int) -> None:
    """Within the time, at most five of them, evenly spaced."""

    def local(at: float) -> datetime:
        return datetime.fromtimestamp(at, timezone(timedelta(hours=ahead)))

    marks = clock_marks(began, began + length, local)
    assert len(marks) <= 5
    assert all(began - 1e-3 <= at <= began + length + 1e-3 for at, _ in marks)
    if length >= 3600:
        assert all(local(round(at)).second == 0 for at, _ in marks)


def test_a_clock_shows_seconds_only_of_short_times() -> None:
    """And days of long ones."""
    assert clock_marks(0, 10, utc)[0] == (0, "00:00:00")
    assert clock_marks(0, 9 * 3600, utc)[:2] == [(0, "00:00"), (10_800, "03:00")]
    assert clock_marks(0, 5 * 86400, utc)[1][1] == "03 Jan"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (48, "48 s"),
        (60, "1 min"),
        (302, "5 min 2 s"),
        (1205, "20 min"),
        (3600, "1 h"),
        (27060, "7 h 31 min"),
    ],
)
def test_times_are_told_as_people_do(seconds: float, text: str) -> None:
    """No more of them than matters."""
    assert lasting(seconds) == text


@given(st.floats(0.1, 1e8), st.integers(2, 20))
def test_steps_of_time_are_not_too_many(length: float, most: int) -> None:
    """Whatever the length."""
    assert length / time_step(length, most) <= most
