"""Curves of a night: nothing in them is lost, however much happened."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from batch.core.states import TRANSITIONS, State
from batch.report_page.night_curve import PAUSE, POINTS, Night, Step, moments, nights_of, step_of

LIVES = st.lists(st.tuples(st.floats(0, 40_000), st.integers(0, 3), st.integers(0, 400_000)), max_size=60)


def live(choices: list[tuple[float, int, int]]) -> list[Step]:
    """One row that goes through states as it may, at rising times."""
    state, at, steps = State.PENDING, 1000.0, []
    for pause, choice, cost in choices:
        ways = sorted(new for old, new in TRANSITIONS if old is state and new is not state)
        new = ways[choice % len(ways)]
        at += pause
        steps.append(step_of(at, state, new, cost if state is State.SUBMITTED else 0.0))
        state = new
    return steps


@given(LIVES)
def test_the_nights_hold_every_step_once(choices: list[tuple[float, int, int]]) -> None:
    """In their order, with a pause between two of them."""
    steps = live(choices)
    nights = nights_of(steps)
    assert [step for night in nights for step in night.steps] == steps
    assert all(later.began - night.ended > PAUSE for night, later in pairwise(nights))


@given(LIVES)
def test_a_curve_ends_where_the_night_did(choices: list[tuple[float, int, int]]) -> None:
    """At most so many points; at fal there is never less than nothing, and one row is at most one request."""
    for night in nights_of(live(choices)):
        points = moments(night)
        assert 1 <= len(points) <= POINTS
        assert (points[0].at, points[-1].at) == (night.began, night.ended)
        assert points[-1].spent == sum(step.spent for step in night.steps)
        assert points[-1].done == max(night.done, 0)
        assert all(0 <= point.running + point.waiting <= 1 for point in points)


def test_what_ran_is_told_apart_from_what_waited_where_a_run_wrote_it_down() -> None:
    """Never more than were at fal."""
    night = Night(0.0, 10.0, steps=[Step(0.0, at_fal=5), Step(10.0, at_fal=-4)], samples=[(0.0, 3, 2)])
    first, *_, last = moments(night)
    assert (first.running, first.waiting) == (3, 2)
    assert (last.running, last.waiting) == (1, 0)


def test_a_row_that_is_bought_again_is_no_failed_one_any_more() -> None:
    """It is taken off, and counts again as it ends."""
    night = Night(0.0, 3.0)
    night.steps = [step_of(at, old, new, 0.0) for at, (old, new) in enumerate(LIFE)]
    assert (night.failed, night.done) == (0, 1)


LIFE = [("submitted", "failed"), ("failed", "pending"), ("submitting", "submitted"), ("submitted", "succeeded")]
