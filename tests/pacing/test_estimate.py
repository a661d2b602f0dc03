"""What is believed of the account, and how many requests keep its slots busy."""

import pytest

from batch.pacing.estimate import Estimate


@pytest.mark.parametrize(
    ("slots", "wait", "size"), [(2, 0.0, 3), (10, 0.0, 12), (40, 0.0, 46), (40, 300.0, 86), (10, 900.0, 42)]
)
def test_the_slots_and_what_waits_for_them_and_a_reserve(slots: int, wait: float, size: int) -> None:
    """By Little's law; the reserve is a share of the slots, not of what is at fal."""
    assert int(Estimate(300.0, slots, wait, 300.0).needed()) == size


def test_the_jobs_word_counts_until_an_end_is_known() -> None:
    assert (Estimate(300.0).run, Estimate(300.0, mean_run=4.0).run) == (300.0, 4.0)
    assert Estimate(300.0, 1, 60.0).trip == 360.0


@pytest.mark.parametrize(("wait", "at_once"), [(0.0, True), (3.3, True), (3.4, False)])
def test_a_hundredth_of_a_run_is_no_wait(wait: float, at_once: bool) -> None:
    assert Estimate(300.0, 10, wait).starts_at_once is at_once
