"""Fewer or more for a while, and what comes of it."""

from batch.pacing.estimate import Estimate
from batch.pacing.trials import FIRST_GAP, LONGEST_GAP, Trials


def test_less_that_pays_shortens_the_wait_and_goes_on_further() -> None:
    """A quarter of 40 slots fewer, and none idled: the wait is shorter by a quarter of a run time, next by a half."""
    estimate, trials = Estimate(300.0, 40, 600.0, 300.0), Trials(0.0)
    before = trials.needed(estimate)
    trials.begin_less(0.0, estimate)
    assert trials.needed(estimate) == before - 10
    trials.end_if_due(100.0, 40.0, estimate, full=True)
    assert trials.now
    trials.end_if_due(1200.0, 40.0, estimate, full=True)
    assert (trials.now, estimate.wait) == (None, 525.0)
    trials.begin_less(5000.0, estimate)
    assert trials.now
    assert trials.now.less == 20


def test_less_that_does_not_pay_is_taken_back_and_tried_ever_more_seldom() -> None:
    estimate, trials, now, gaps = Estimate(300.0, 40, 600.0, 300.0), Trials(0.0), 0.0, []
    for _ in range(5):
        trials.begin_less(now, estimate)
        trials.end(now, estimate, paid=False)
        gaps.append(next(gap for gap in (4.0, 8.0, 16.0, 32.0) if trials.less_is_due(now + gap * 900 + 1, 900)))
    assert gaps == [2 * FIRST_GAP, 16.0, LONGEST_GAP, LONGEST_GAP, LONGEST_GAP]
    assert estimate.wait == 600.0


def test_more_that_pays_is_followed_by_more_at_once() -> None:
    estimate, trials = Estimate(300.0, 40, 300.0, 300.0), Trials(0.0)
    trials.begin_more(0.0, estimate)
    assert trials.needed(estimate) == 40 * 2 * 1.25 + 6.5
    trials.end_if_due(1000.0, 50.0, estimate, full=True)
    assert trials.more_is_due(1000.1, 600.0)
    trials.begin_more(1001.0, estimate)
    trials.end(2000.0, estimate, paid=False)
    assert not trials.more_is_due(2001.0, 600.0)
