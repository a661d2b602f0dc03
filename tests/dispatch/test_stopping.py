"""Equal failures in a row: one too many is a reason to stop, any other end of a row begins the count anew."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.dispatch.stopping import FailureStreak, Stop


@pytest.mark.parametrize("limit", [1, 2, 10])
def test_the_last_failure_that_is_allowed_is_one_before_the_limit(limit: int) -> None:
    """So many equal ones stop, one fewer do not; the reason says how many, and how they ended."""
    streak = FailureStreak(limit)
    assert [streak.failed("locked out") for _ in range(limit - 1)] == [None] * (limit - 1)
    assert streak.failed("locked out") == Stop(
        "failures", f"stopped submitting: the last {limit} rows all ended the same way (locked out)", recall=True
    )


def test_without_a_limit_nothing_stops() -> None:
    """0 stands for never."""
    streak = FailureStreak(0)
    assert {streak.failed("locked out") for _ in range(1000)} == {None}


@pytest.mark.parametrize("error_type", ["", "XXXX", "no face"])
def test_after_a_success_the_first_failure_is_the_first(error_type: str) -> None:
    """Of whatever name, also of none."""
    streak = FailureStreak(2)
    streak.failed(error_type)
    streak.succeeded()
    assert streak.failed(error_type) is None
    assert streak.failed(error_type) is not None


@given(st.integers(0, 4), st.lists(st.sampled_from(["", "no face", "too small"]), max_size=30))
def test_it_stops_where_the_last_ends_were_all_the_same_failure(limit: int, ends: list[str]) -> None:
    """As counted by hand, after every end; the empty one is a success."""
    streak = FailureStreak(limit)
    for n, end in enumerate(ends, 1):
        if not end:
            streak.succeeded()
            continue
        stopped = streak.failed(end) is not None
        assert stopped == (0 < limit <= n and set(ends[n - limit : n]) == {end})
