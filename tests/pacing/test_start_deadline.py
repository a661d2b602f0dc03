"""The start deadline of the next request follows the waits that were seen, between an hour and a day."""

from hypothesis import given
from hypothesis import strategies as st

from batch.pacing.start_deadline import LONGEST, StartDeadline

HOUR = 3600.0


def test_it_is_an_hour_until_longer_waits_are_seen() -> None:
    """A quarter of an hour is still well within the hour."""
    deadline = StartDeadline(HOUR)
    assert deadline.seconds == HOUR
    deadline.waited(900.0)
    assert deadline.seconds == HOUR


def test_it_is_four_times_the_longest_wait() -> None:
    """A shorter wait that is seen later takes nothing back."""
    deadline = StartDeadline(HOUR)
    deadline.waited(2 * HOUR)
    deadline.waited(60.0)
    assert deadline.seconds == 8 * HOUR


@given(st.floats(1.0, 1e6), st.lists(st.floats(0.0, 1e7)))
def test_it_only_grows_within_its_bounds_and_is_whole(least: float, waits: list[float]) -> None:
    """Whatever is seen: never less than the least, never more than a day unless that is the least."""
    deadline = StartDeadline(least)
    before = deadline.seconds
    for wait in waits:
        deadline.waited(wait)
        assert before <= deadline.seconds <= max(round(least), LONGEST)
        assert deadline.seconds == int(deadline.seconds)
        before = deadline.seconds
