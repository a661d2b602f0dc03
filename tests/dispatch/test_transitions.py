"""Each answer of the service means one thing, and every answer means something."""

from batch.sandbox.outcomes import Outcome
from tests.support.simulated import Service, ledger_of, service_queue, shots, simulate


def test_failures_worth_another_try_are_tried_three_times_at_most() -> None:
    """Two bad runs cost two more requests; a third bad one ends the row."""
    broken = Outcome(code=500, body={"detail": "x"})
    queue = service_queue(10, 60.0, plan=lambda given, nth: broken if given["prompt"] == "shot 1" or nth < 3 else None)
    ledger = ledger_of(shots(3))
    simulate(ledger, Service(queue))
    states = dict(ledger.db.execute("SELECT json_extract(arguments, '$.prompt'), state || ' ' || attempts FROM row"))
    assert states == {"shot 0": "succeeded 3", "shot 1": "failed 3", "shot 2": "succeeded 3"}


def test_final_failures_are_not_tried_again_and_count_as_spent() -> None:
    """A 422 may have been billed."""
    queue = service_queue(10, 60.0, plan=lambda given, nth: Outcome(code=422, body={"detail": "x"}))
    ledger = ledger_of(shots(3))
    dispatcher, _ = simulate(ledger, Service(queue))
    assert ledger.db.execute("SELECT state, attempts, spent FROM row").fetchall() == [("failed", 1, 490_000)] * 3
    assert dispatcher.tally.spent == 3 * 490_000
