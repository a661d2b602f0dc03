"""What only waits in fal's line is taken back when a run is to end: free, its rows pending, nothing bought twice."""

import anyio
import pytest
from anyio import current_time

from batch.core.gateway import CancelAnswer, CancelRequested, Receipt, Unclear
from batch.ledger.ledger import Ledger
from batch.sandbox.outcomes import Outcome
from tests.support.simulated import (
    Crash,
    Service,
    assert_nothing_bought_twice,
    count,
    ledger_of,
    service_queue,
    shots,
    simulate,
)


def spent(ledger: Ledger) -> int:
    return int(ledger.db.execute("SELECT SUM(spent) / 490000 FROM row").fetchone()[0])


@pytest.mark.parametrize("slots", [1, 3])
def test_an_account_that_is_locked_leaves_nothing_in_the_line(slots: int) -> None:
    """What runs comes home; what waits is pending again and cost nothing."""
    ledger, queue = ledger_of(shots(20)), service_queue(slots, 300.0)
    service = Service(queue, locked=lambda now: queue.accepted >= 10)
    dispatcher, took = simulate(ledger, service, concurrency=12)
    assert dispatcher.stopped
    assert dispatcher.stopped.code == "locked"
    assert (count(ledger, "succeeded"), count(ledger, "pending")) == (slots, 20 - slots)
    assert dispatcher.tally.recalled == 10 - slots
    assert spent(ledger) == slots
    assert took < 400
    assert_nothing_bought_twice(ledger, queue)
    simulate(ledger, Service(queue), start=took + 1, concurrency=12)
    assert count(ledger, "succeeded") == 20
    assert ledger.db.execute("SELECT MAX(tries), SUM(spent) / 490000 FROM row").fetchone() == (1, 20)


class Deaf(Service):
    """Cancels are not answered."""

    async def cancel(self, receipt: Receipt) -> CancelAnswer:
        await anyio.sleep(self.latency)
        return Unclear("no answer in 30 s")


def test_what_cannot_be_taken_back_stays_under_way() -> None:
    """And is bought once: it is followed to its end."""
    ledger, queue = ledger_of(shots(12)), service_queue(1, 300.0)
    dispatcher, _ = simulate(ledger, Deaf(queue, locked=lambda now: queue.accepted >= 4), concurrency=12)
    assert (count(ledger, "succeeded"), count(ledger, "pending")) == (4, 8)
    assert dispatcher.tally.recalled == 0
    assert spent(ledger) == 4
    assert_nothing_bought_twice(ledger, queue)


def test_a_run_that_was_cut_off_may_be_paid_for() -> None:
    """A runner took it between the last look and the cancel, and fal stopped it: it counts as spent, and has failed."""
    ledger, queue = ledger_of(shots(3)), service_queue(1, 300.0, cancel_stops_runs=True)

    class Racing(Service):
        async def cancel(self, receipt: Receipt) -> CancelAnswer:
            queue.set_slots(3, now=current_time())
            await anyio.sleep(1.0)
            return await super().cancel(receipt)

    service = Racing(queue, locked=lambda now: queue.accepted >= 2, tells=True)
    dispatcher, _ = simulate(ledger, service, concurrency=3)
    assert dispatcher.tally.recalled == 0
    assert (count(ledger, "succeeded"), count(ledger, "failed"), count(ledger, "pending")) == (1, 1, 1)
    assert spent(ledger) == 2


@pytest.mark.parametrize("point", ["written", "sent"])
def test_a_run_that_dies_while_it_takes_back_loses_no_row(point: str) -> None:
    """The ledger knew of the wish before fal did: what the next run finds cancelled had only waited."""
    ledger, queue = ledger_of(shots(8)), service_queue(1, 300.0)

    class Dying(Service):
        async def cancel(self, receipt: Receipt) -> CancelAnswer:
            if point == "sent":
                await super().cancel(receipt)
            raise Crash

    with pytest.raises(BaseException) as raised:
        simulate(ledger, Dying(queue, locked=lambda now: queue.accepted >= 5), concurrency=8)
    assert raised.group_contains(Crash, depth=None) if isinstance(raised.value, BaseExceptionGroup) else True
    simulate(ledger, Service(queue), start=1000.0, concurrency=8)
    assert count(ledger, "succeeded") == 8
    assert spent(ledger) == 8
    assert_nothing_bought_twice(ledger, queue)


def test_a_cancel_that_changes_nothing_changes_nothing() -> None:
    """fal took the wish, and lets the requests run all the same: they are bought, once, and come home."""
    ledger, queue = ledger_of(shots(6)), service_queue(1, 300.0)

    class Forgetful(Service):
        async def cancel(self, receipt: Receipt) -> CancelAnswer:
            return CancelRequested()

    dispatcher, _ = simulate(ledger, Forgetful(queue, locked=lambda now: queue.accepted >= 3), concurrency=6)
    assert (count(ledger, "succeeded"), count(ledger, "pending")) == (3, 3)
    assert (dispatcher.tally.recalled, spent(ledger)) == (0, 3)
    assert_nothing_bought_twice(ledger, queue)


def test_ten_equal_failures_leave_nothing_in_the_line() -> None:
    """A model that is down must not burn what is sent already."""
    broken = Outcome(422, {"detail": [{"type": "no_media_generated", "msg": "no"}]}, {})
    ledger, queue = ledger_of(shots(60)), service_queue(10, 300.0, plan=lambda given, nth: broken)
    dispatcher, _ = simulate(ledger, Service(queue), concurrency=30)
    assert dispatcher.stopped
    assert dispatcher.stopped.code == "failures"
    assert count(ledger, "failed") <= 20
    assert dispatcher.tally.recalled >= 10
    assert_nothing_bought_twice(ledger, queue)
