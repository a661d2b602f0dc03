"""The machine's clock set back or forward, in the middle of a run or between two: fal's time goes on as it is."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import anyio
import pytest
from anyio import current_time
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from batch.core.run_options import RunOptions
from batch.dispatch.dispatcher import Dispatcher, Settings
from batch.ledger.async_ledger import async_ledger, in_line
from batch.ledger.enrolment import enrol
from batch.ledger.ledger import Ledger
from batch.ledger.matching import match
from batch.sandbox import History
from tests.support.simulated import (
    EPOCH,
    Crash,
    Service,
    assert_nothing_bought_twice,
    count,
    ledger_of,
    play,
    recover,
    service_queue,
    shots,
)

HOUR = 3600.0
DAY = 24 * HOUR


@dataclass(frozen=True)
class Clock:
    """This machine's clock: from a true second on, it is so many seconds off."""

    steps: Sequence[tuple[float, float]]

    def now(self) -> float:
        off = [off for since, off in self.steps if since <= current_time()]
        return EPOCH + current_time() + (off[-1] if off else 0.0)


def run(ledger: Ledger, service: Service, clock: Clock, start: float) -> tuple[float, bool]:
    """One run from a true second on; when it ended, and whether it was not a crash."""

    async def night() -> tuple[float, bool]:
        await anyio.sleep(start)
        recover(ledger, clock.now())
        try:
            async with async_ledger(ledger, in_line) as store:
                await Dispatcher(store, service, _settings(clock)).run()
        except BaseExceptionGroup as group:
            if group.split(Crash)[1] is not None:
                raise
            return current_time(), False
        return current_time(), True

    ended: tuple[float, bool] = play(night)
    if ledger.db.in_transaction:
        ledger.db.execute("ROLLBACK")
    return ended


def _settings(clock: Clock) -> Settings:
    rand = random.Random(0).random
    options = RunOptions(concurrency=4)
    return Settings(options=options, now=clock.now, rand=rand, typical_seconds=300.0, group_of=lambda _: "5")


def more_rows(ledger: Ledger, rows: int, at: float) -> None:
    """The sheet is longer in the next run."""
    match(ledger, shots(rows))
    enrol(ledger, at, new=True)


@pytest.mark.parametrize("off", [-HOUR, -600.0, 600.0, HOUR])
@pytest.mark.parametrize("back", [True, False])
def test_a_reply_lost_while_the_clock_was_wrong_buys_nothing_twice(off: float, back: bool) -> None:
    """Wrong from the start and set right between two runs, or moved in the middle and left so: never called absent."""
    ledger, queue = ledger_of(shots(5)), service_queue(4, 60.0)
    service = Service(queue, on_submit=lambda nth: "lost" if nth == 5 else None)
    clock = Clock([(0.0, off), (HOUR, 0.0)]) if back else Clock([(30.0, off)])
    run(ledger, service, clock, 0.0)
    more_rows(ledger, 9, EPOCH + 2 * HOUR)
    for start in (2 * HOUR, 4 * HOUR, DAY):
        run(ledger, service, clock, start)
        assert_nothing_bought_twice(ledger, queue)
    assert count(ledger, "succeeded") + count(ledger, "in_doubt") == 9
    assert len(queue.requests) == 9


def test_a_clock_set_back_an_hour_in_the_middle_keeps_no_row_in_doubt() -> None:
    """What was lost is found, and what never left is sent: requests of the new hour show how far the clocks are."""
    ledger, queue = ledger_of(shots(12)), service_queue(4, 60.0)
    ways = {3: "lost", 8: "crash_before", 9: "lost"}
    service = Service(queue, on_submit=ways.get)
    clock = Clock([(30.0, -HOUR)])
    at, well = run(ledger, service, clock, 0.0)
    assert not well
    for rows in (14, 16, 18):
        more_rows(ledger, rows, EPOCH + at)
        at, _ = run(ledger, service, clock, at)
        assert_nothing_bought_twice(ledger, queue)
        at += 2 * HOUR
    assert count(ledger, "succeeded") == 18 == len(queue.requests)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 2**32),
    steps=st.lists(
        st.tuples(st.floats(0, 3 * HOUR), st.sampled_from([-DAY, -2 * HOUR, -HOUR, -600.0, 0.0, 600.0, HOUR, DAY])),
        max_size=4,
    ),
    pauses=st.lists(st.sampled_from([60.0, 1800.0, HOUR + 300.0, 2 * HOUR, DAY]), min_size=2, max_size=3),
    lag=st.sampled_from([0.0, 30.0, 1000.0, 5000.0]),
)
@example(seed=0, steps=[(0.0, HOUR)], pauses=[HOUR + 300.0, 60.0], lag=0.0)
def test_whatever_the_clock_does_nothing_is_bought_twice(
    seed: int, steps: list[tuple[float, float]], pauses: list[float], lag: float
) -> None:
    """Replies lost and runs killed under a clock that jumps: what fal accepted is never called absent."""
    chance = random.Random(seed)
    faults = ["lost", "crash", "crash_before"]
    queue = service_queue(4, lambda _: chance.uniform(20, 400), history=History(lag=lag, page=10**6))
    service = Service(queue, on_submit=lambda _: chance.choice(faults) if chance.random() < 0.3 else None)
    clock, ledger = Clock(sorted(steps)), ledger_of(shots(4))
    at = 0.0
    for times, pause in enumerate(pauses, 1):
        at, _ = run(ledger, service, clock, at)
        assert_nothing_bought_twice(ledger, queue)
        at += pause
        more_rows(ledger, 4 + 2 * times, EPOCH + at)
    service.on_submit = lambda _: None
    run(ledger, service, clock, at)
    assert_nothing_bought_twice(ledger, queue)
    found = {request for (request,) in ledger.db.execute("SELECT request_id FROM request")}
    assert sum(request.id not in found for request in queue.requests) <= count(ledger, "in_doubt")
