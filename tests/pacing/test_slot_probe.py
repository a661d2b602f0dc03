"""The account's slots are asked for: soon while they are counted, seldom later."""

import pytest

from tests.support.paced_nights import Night


def test_the_slots_are_found_in_seconds() -> None:
    """Three exchanges of 50 ms a step, and each step a fifth more: with no pause in between."""
    sent = sorted(request.sent_at for request in Night(120, 100, 300.0).queue.requests)
    assert sent[99] <= 28 * 0.15


@pytest.mark.parametrize("warm_up", [1.0, 5.0])
def test_a_runner_that_takes_a_moment_to_start_is_not_taken_for_a_full_account(warm_up: float) -> None:
    """Every request is shown as waiting for a while, though slots are free: they are found all the same."""
    played = Night(480, 40, 300.0, 15.0, warm_up=warm_up)
    assert played.most_waiting <= 0.3
    assert played.took <= 12 * 300.0 * 1.1


def test_runners_that_start_slowly_are_told_from_slots_that_are_taken() -> None:
    """Short runs, each shown as waiting for a fifteenth of its time: the slots are found in the first rounds."""
    played = Night(400, 40, 30.0, 1.5, warm_up=2.0)
    assert played.most_waiting <= 0.3
    assert played.took <= 10 * 30.0 * 1.3
