"""A line at fal that is longer than the start deadline: no row fails by it, none is paid twice, nothing it costs."""

import json

from batch.core import states
from batch.ledger.in_doubt import in_doubt_rows
from batch.ledger.ledger import Ledger
from batch.reconcile.evidence import HISTORY_LAG, provable_at
from batch.sandbox.outcomes import START_DEADLINE_PASSED
from tests.support.simulated import (
    EPOCH,
    JOB,
    Service,
    assert_nothing_bought_twice,
    count,
    ledger_of,
    service_queue,
    shots,
    simulate,
)


def deadlines(ledger: Ledger) -> list[float]:
    return [seconds for (seconds,) in ledger.db.execute("SELECT start_timeout FROM row ORDER BY id")]


def test_a_line_longer_than_the_deadline_fails_no_row() -> None:
    """Twenty at once before one slot, each run 20 minutes: most are thrown out and sent again, and none has failed."""
    ledger, service = ledger_of(shots(20)), Service(service_queue(1, 1200.0))
    dispatcher, _ = simulate(ledger, service, concurrency=20)
    expired = [one for one in service.queue.requests if one.started_at is None]
    assert len(expired) >= 16
    assert dispatcher.stopped is None
    assert count(ledger, "succeeded") == 20
    assert_nothing_bought_twice(ledger, service.queue)
    assert ledger.db.execute("SELECT SUM(spent) / 490000, MAX(tries) FROM row").fetchone() == (20, 1)


def test_what_is_sent_after_a_long_wait_may_wait_four_times_as_long() -> None:
    """In the ledger stands what was sent with each request: an hour with the first, up to a day with the last."""
    ledger, service = ledger_of(shots(12)), Service(service_queue(1, 1200.0))
    simulate(ledger, service, concurrency=12)
    assert min(deadlines(ledger)) == 3600.0
    assert 4 * 3600.0 <= max(deadlines(ledger)) <= 86400.0


def test_a_wait_of_many_hours_is_waited_for() -> None:
    """Five at once before one slot, two hours each: the last waits eight hours, longer than any run is watched."""
    ledger, service = ledger_of(shots(5)), Service(service_queue(1, 7200.0))
    dispatcher, took = simulate(ledger, service, concurrency=5)
    assert count(ledger, "succeeded") == 5
    assert dispatcher.tally.left == 0
    assert took < 6 * 7200.0
    assert_nothing_bought_twice(ledger, service.queue)


def test_a_request_that_ran_and_timed_out_is_a_try() -> None:
    """The same words about a request that was seen running: three of them, and the row has failed."""
    queue = service_queue(1, 4000.0, plan=lambda given, nth: START_DEADLINE_PASSED)
    ledger = ledger_of(shots(1))
    simulate(ledger, Service(queue), concurrency=1)
    assert count(ledger, "failed") == 1
    assert queue.accepted == 3


def test_a_request_that_times_out_before_its_deadline_is_a_try() -> None:
    """Over before anybody saw it run: the start deadline cannot have been the reason."""
    queue = service_queue(1, 0.01, plan=lambda given, nth: START_DEADLINE_PASSED)
    ledger = ledger_of(shots(1))
    simulate(ledger, Service(queue), concurrency=1)
    assert count(ledger, "failed") == 1


def test_the_deadline_of_a_request_outlives_the_run_that_sent_it() -> None:
    """Sent by a run that was cut off, expired at its own deadline while nobody looked: no try, and sent again."""
    ledger, queue = ledger_of(shots(1)), service_queue(0, 300.0)
    arguments = json.loads(ledger.db.execute("SELECT arguments FROM row").fetchone()[0])
    service, deadline = Service(queue), 4 * 3600.0
    name = queue.submit(JOB.endpoint, arguments, deadline, now=0.0).id
    with ledger.transaction():
        ledger.apply(1, states.claimed(EPOCH, None, 490_000, deadline))
        ledger.apply(1, states.accepted(EPOCH, service.built_receipt(name)))
    queue.set_slots(1, now=deadline + 1)
    simulate(ledger, service, start=deadline + 600)
    assert count(ledger, "succeeded") == 1
    assert ledger.db.execute("SELECT attempts, tries, spent FROM row").fetchone() == (2, 1, 490_000)
    assert deadlines(ledger) == [16 * 3600.0]


def test_absence_waits_for_the_deadline_of_the_request_itself() -> None:
    """A row in doubt whose POST said four hours is provable three hours later than one that said one."""
    ledger = ledger_of(shots(1))
    with ledger.transaction():
        ledger.apply(1, states.claimed(EPOCH, None, 1, 4 * 3600.0))
        ledger.apply(1, states.reply_lost(EPOCH, "cut"))
    [row] = in_doubt_rows(ledger)
    assert row.start_timeout == 4 * 3600.0
    assert provable_at(row.intent_at, row.start_timeout) - EPOCH > 4 * 3600.0 + HISTORY_LAG
