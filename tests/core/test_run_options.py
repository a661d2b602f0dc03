"""The options of a run: what cannot be meant is refused when they are made."""

import pytest

from batch.core.run_options import MOST_AT_ONCE, RunOptions


@pytest.mark.parametrize("name", ["concurrency", "max_concurrency"])
def test_one_request_at_once_is_the_least(name: str) -> None:
    """With none a run would wait for ever."""
    assert getattr(RunOptions(**{name: 1}), name) == 1
    for wrong in (0, -1):
        with pytest.raises(ValueError, match="concurrency is 1 at least"):
            RunOptions(**{name: wrong})


def test_a_row_is_the_least_that_a_run_begins() -> None:
    """A limit of none would look like a run that found nothing to do."""
    assert RunOptions(limit=1).limit == 1
    for wrong in (0, -1):
        with pytest.raises(ValueError, match="limit is 1 at least"):
            RunOptions(limit=wrong)


@pytest.mark.parametrize("name", ["max_spend", "max_spend_total", "max_seconds", "stop_after"])
def test_nothing_is_the_least_that_may_be_spent_or_waited(name: str) -> None:
    """Less than nothing cannot be meant."""
    assert getattr(RunOptions(**{name: 0}), name) == 0
    with pytest.raises(ValueError, match="0 at least"):
        RunOptions(**{name: -1})


def test_a_run_of_which_nothing_was_said_is_bounded_by_the_account_only() -> None:
    """No cap on rows, money or time; but never without a bound on requests, and it stops where all fails alike."""
    said = RunOptions()
    assert (said.concurrency, said.limit, said.max_seconds) == (None, None, None)
    assert (said.max_spend, said.max_spend_total) == (None, None)
    assert said.max_concurrency == MOST_AT_ONCE
    assert said.stop_after > 0


def test_options_are_said_by_name_only() -> None:
    """A number in the wrong place would be a cap on something else."""
    with pytest.raises(TypeError):
        RunOptions(5)  # type: ignore[misc]
