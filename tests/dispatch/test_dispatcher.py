"""The dispatcher on a mock clock: a night takes a second, and every promise is counted."""

import random

import anyio
import pytest
from anyio import current_time
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batch.core.retry import Retry
from batch.ledger.ledger import Ledger
from batch.sandbox.outcomes import Outcome
from tests.support.simulated import (
    Crash,
    Service,
    assert_nothing_bought_twice,
    count,
    ledger_of,
    night,
    play,
    service_queue,
    shots,
    simulate,
)


def test_every_row_of_a_plain_night_succeeds_with_its_own_request() -> None:
    """Each row's request id belongs to the request with that row's prompt."""
    queue = service_queue(10, 300.0)
    ledger = ledger_of(shots(50))
    simulate(ledger, Service(queue))
    assert count(ledger, "succeeded") == 50
    prompts = {request.id: request.input["prompt"] for request in queue.requests}
    for request_id, prompt in ledger.db.execute("SELECT request_id, json_extract(arguments, '$.prompt') FROM row"):
        assert prompts[request_id] == prompt


@pytest.mark.parametrize("concurrency", [1, 3, 40])
def test_no_more_requests_are_unfinished_than_allowed(concurrency: int) -> None:
    """`--concurrency` bounds what is at fal, running or queued."""
    service = Service(service_queue(1000, 60.0))
    simulate(ledger_of(shots(60)), service, concurrency=concurrency)
    assert service.most_unfinished == concurrency


def test_an_account_locked_in_the_middle_stops_the_submitting_and_collects_the_rest() -> None:
    """What is paid for comes home; every other row stays as it was."""
    ledger = ledger_of(shots(200))
    service = Service(service_queue(10, 300.0), locked=lambda now: now > 1000)
    dispatcher, _ = simulate(ledger, service, concurrency=10)
    assert dispatcher.stopped
    assert count(ledger, "succeeded") == len(service.queue.requests) > 20
    assert count(ledger, "pending") == 200 - len(service.queue.requests)
    assert ledger.db.execute("SELECT MAX(attempts) FROM row WHERE state = 'pending'").fetchone() == (0,)


def test_an_hour_without_network_fails_no_row_and_is_not_an_attempt() -> None:
    """Everything waits, then goes on; the queue worked on meanwhile."""
    ledger = ledger_of(shots(100))
    service = Service(service_queue(10, 300.0), offline=lambda now: 1000 < now < 4600)
    _, took = simulate(ledger, service)
    assert count(ledger, "succeeded") == 100
    assert len(service.queue.requests) == 100
    assert took < 10 * 300 + 3600 + 300
    assert ledger.db.execute("SELECT MAX(attempts) FROM row").fetchone() == (1,)


def test_a_lost_reply_leaves_the_row_in_doubt_and_alone() -> None:
    """Not submitted again, in this run or the next."""
    ledger = ledger_of(shots(12))
    service = Service(service_queue(10, 60.0), on_submit=lambda n: "lost" if n % 4 == 0 else None, unreadable=True)
    simulate(ledger, service)
    service.on_submit = lambda _: None
    simulate(ledger, service)
    assert (count(ledger, "in_doubt"), count(ledger, "succeeded")) == (3, 9)
    assert len(service.queue.requests) == 12


def test_what_is_under_way_is_picked_up_before_anything_is_submitted() -> None:
    """A run that was stopped goes on with what is paid for."""
    ledger = ledger_of(shots(20))
    service = Service(service_queue(10, 300.0))

    async def stopped() -> None:
        with anyio.move_on_after(100):
            await night(ledger, service)

    play(stopped)
    assert count(ledger, "submitted") == 10
    asked = service.asked["submit"]
    simulate(ledger, service, concurrency=10)
    assert count(ledger, "succeeded") == 20
    assert service.asked["submit"] == asked + 10


def test_a_row_taken_out_of_the_sheet_is_brought_home_but_not_bought_again() -> None:
    """Its request is paid for; a retry of it would be nobody's wish."""
    ledger = ledger_of(shots(1))
    service = Service(service_queue(1, 300.0, plan=lambda given, nth: Outcome(code=500, body={"detail": "x"})))

    async def stopped() -> None:
        with anyio.move_on_after(10):
            await night(ledger, service)

    play(stopped)
    ledger.db.execute("UPDATE row SET place = NULL")
    ledger.db.execute("DELETE FROM sheet")
    simulate(ledger, service)
    assert count(ledger, "pending") == 1
    assert len(service.queue.requests) == 1


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32), rows=st.integers(1, 25), concurrency=st.integers(1, 12))
def test_a_night_of_crashes_buys_nothing_twice_and_loses_nothing(seed: int, rows: int, concurrency: int) -> None:
    """Killed at random POSTs and polls, with replies lost, runs broken and the network gone: run again until done."""
    chance = random.Random(seed)
    broken = Outcome(code=500, body={"detail": "x"})
    dice = {f"shot {n}": chance.random() for n in range(rows)}
    queue = service_queue(
        6,
        lambda _: chance.uniform(20, 400),
        plan=lambda given, nth: broken if dice[given["prompt"]] < 0.2 * nth % 0.5 else None,
    )
    ledger = ledger_of(shots(rows))

    def poll(_: int) -> None:
        if chance.random() < 0.03:
            raise Crash

    faults = ["lost", "crash", "crash_before", "busy"]
    service = Service(
        queue,
        on_submit=lambda _: chance.choice(faults) if chance.random() < 0.3 else None,
        before_poll=poll,
        offline=lambda now: now % 1000 < 100,
    )
    time = 0.0
    for _ in range(200):
        time, ended = play(lambda start=time: _until_crash(ledger, service, start, concurrency, seed))
        assert_nothing_bought_twice(ledger, queue)
        if ended:
            break
    assert ended
    assert count(ledger, "submitted") == count(ledger, "submitting") == count(ledger, "pending") == 0
    found = {name for (name,) in ledger.db.execute("SELECT request_id FROM request")}
    lost = [request for request in queue.requests if request.id not in found]
    in_doubt = {
        p for (p,) in ledger.db.execute("SELECT json_extract(arguments, '$.prompt') FROM row WHERE state = 'in_doubt'")
    }
    assert all(request.input["prompt"] in in_doubt for request in lost)


async def _until_crash(ledger: Ledger, service: Service, start: float, concurrency: int, seed: int):
    await anyio.sleep(start)  # the mock clock starts at 0; the night goes on where it was
    try:
        await night(ledger, service, concurrency=concurrency, seed=seed, retry=Retry())
        ended = True
    except BaseExceptionGroup as group:
        if group.split(Crash)[1] is not None:
            raise
        ended = False
    if ledger.db.in_transaction:
        ledger.db.execute("ROLLBACK")
    return current_time(), ended
