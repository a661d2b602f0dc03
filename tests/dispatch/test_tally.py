"""The counts of a run: what they add up to, and when the table has something new to show."""

from dataclasses import fields, replace

import pytest

from batch.dispatch.tally import Tally
from batch.sandbox.outcomes import Outcome
from tests.support.simulated import Service, count, ledger_of, service_queue, shots, simulate

SHOWN = {"succeeded", "failed", "in_doubt", "under_way", "left", "spent"}
"""What changes a cell of the table."""


def test_a_row_that_has_ended_succeeded_failed_or_is_in_doubt() -> None:
    """Those that are left to the next run have not ended."""
    assert Tally(succeeded=1, failed=20, in_doubt=300, under_way=4000, left=50_000).ended == 321


def test_a_row_whose_result_is_being_fetched_has_left_its_slot() -> None:
    """It is under way still, but not at work."""
    assert Tally(under_way=5, fetching=2).at_work == 3


@pytest.mark.parametrize("name", [field.name for field in fields(Tally)])
def test_the_counts_change_exactly_with_what_the_table_shows(name: str) -> None:
    """A notice or another limit is nothing to write the table anew for."""
    changed = replace(Tally(), **{name: "fal asks for a pause" if name == "notice" else 7})
    assert (changed.counts != Tally().counts) == (name in SHOWN)


def test_after_a_night_the_tally_says_what_the_ledger_says() -> None:
    """Successes, failures, doubts and money; nothing is under way or being fetched any more."""
    broken = Outcome(code=422, body={"detail": "x"})
    queue = service_queue(10, 60.0, plan=lambda given, _: broken if given["prompt"] == "shot 3" else None)
    ledger = ledger_of(shots(12))
    service = Service(queue, on_submit=lambda n: "lost" if n == 5 else None, unreadable=True)
    tally = simulate(ledger, service)[0].tally
    assert (tally.succeeded, tally.failed, tally.in_doubt) == (10, 1, 1)
    assert tally.succeeded == count(ledger, "succeeded")
    assert tally.spent == ledger.money().spent == 11 * 490_000
    assert (tally.under_way, tally.fetching, tally.left) == (0, 0, 0)
