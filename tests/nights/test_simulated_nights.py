"""Whole nights on a mock clock: what is in doubt is settled, budgets hold, runs end in time."""

import random

import anyio
import pytest
from anyio import current_time
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batch.core.money import Budget
from batch.ledger.ledger import Ledger
from batch.sandbox import History
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
)

CENTS = 10_000


def simulate(ledger: Ledger, service: Service, start: float = 0.0, **how: object):
    async def one():
        await anyio.sleep(start)
        dispatcher = await night(ledger, service, **how)
        return dispatcher, current_time()

    return play(one)


def test_lost_replies_are_found_in_fals_records_and_their_videos_come_home() -> None:
    """Three in ten replies lost: nothing is bought twice and nothing stays in doubt."""
    chance = random.Random(1)
    ledger = ledger_of(shots(60))
    service = Service(service_queue(20, 60.0), on_submit=lambda _: "lost" if chance.random() < 0.3 else None)
    simulate(ledger, service, concurrency=20)
    assert count(ledger, "succeeded") == 60
    assert len(service.queue.requests) == 60


def test_a_listing_that_is_late_is_waited_for() -> None:
    """At the end of a run there is a little time for a late listing."""
    ledger = ledger_of(shots(6))
    queue = service_queue(10, 60.0, history=History(lag=70.0, page=1000))
    simulate(ledger, Service(queue, on_submit=lambda n: "lost" if n == 6 else None))
    assert count(ledger, "succeeded") == 6
    assert len(queue.requests) == 6


def test_results_that_cannot_be_had_for_a_while_are_asked_for_again() -> None:
    """A service that answers 503 to every result for five minutes: nothing is bought for it."""
    ledger = ledger_of(shots(6))
    service = Service(service_queue(10, 60.0), no_result=lambda now: now < 360)
    simulate(ledger, service)
    assert count(ledger, "succeeded") == 6
    assert len(service.queue.requests) == 6


def test_results_that_cannot_be_had_for_long_are_left_to_the_next_run() -> None:
    """The run ends, the rows stay as they are, and the next run brings their videos home."""
    ledger = ledger_of(shots(6))
    service = Service(service_queue(10, 60.0), no_result=lambda now: now < 5000)
    dispatcher, took = simulate(ledger, service)
    assert took < 1500
    assert (dispatcher.tally.left, count(ledger, "submitted")) == (6, 6)
    simulate(ledger, service, start=6000.0)
    assert count(ledger, "succeeded") == 6
    assert len(service.queue.requests) == 6


def test_a_listing_that_is_hours_late_is_left_to_the_next_run() -> None:
    """A run does not hang on for it; the next one finds the video, and nothing is bought again."""
    ledger = ledger_of(shots(6))
    queue = service_queue(10, 60.0, history=History(lag=7200.0, page=1000))
    service = Service(queue, on_submit=lambda n: "lost" if n == 6 else None)
    _, took = simulate(ledger, service)
    assert count(ledger, "in_doubt") == 1
    assert took < 200
    simulate(ledger, service, start=8000.0)
    assert count(ledger, "succeeded") == 6
    assert len(queue.requests) == 6


def test_an_unreadable_listing_leaves_rows_in_doubt_and_ends_the_run_soon() -> None:
    """Nothing is guessed."""
    ledger = ledger_of(shots(6))
    service = Service(service_queue(10, 60.0), on_submit=lambda n: "lost" if n == 3 else None, unreadable=True)
    _, took = simulate(ledger, service)
    assert (count(ledger, "in_doubt"), count(ledger, "succeeded")) == (1, 5)
    assert took < 300
    assert len(service.queue.requests) == 6


def test_a_row_whose_post_never_arrived_is_submitted_again_when_that_is_proven() -> None:
    """Killed before the POST left: after the start deadline, and with later requests listed, its absence is proof."""
    ledger = ledger_of(shots(100))
    service = Service(service_queue(2, 300.0), on_submit=lambda n: "crash_before" if n == 4 else None)
    with pytest.raises(BaseExceptionGroup):
        simulate(ledger, service, concurrency=2)
    assert count(ledger, "submitting") == 1
    simulate(ledger, service, start=1000.0, concurrency=2)
    assert count(ledger, "succeeded") == 100
    assert len(service.queue.requests) == 100


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    cap=st.integers(0, 3000),
    seed=st.integers(0, 2**32),
    concurrency=st.integers(1, 12),
    kind=st.sampled_from(["run", "total"]),
)
def test_a_budget_is_never_exceeded(cap: int, seed: int, concurrency: int, kind: str) -> None:
    """Whatever breaks or is lost, and over several runs: accepted requests never cost more than the cap."""
    chance = random.Random(seed)
    broken = [Outcome(code=500, body={"detail": "x"}), Outcome(code=422, body={"detail": "x"}), None, None]
    queue = service_queue(6, 60.0, plan=lambda *_: chance.choice(broken))
    service = Service(queue, on_submit=lambda _: "lost" if chance.random() < 0.1 else None, unreadable=True)
    ledger = ledger_of(shots(20))
    start, billed_before = 0.0, 0
    for _ in range(2):
        spent_before = ledger.money().spent
        budget = Budget(**{kind: cap * CENTS}, spent_before=spent_before)
        _, start = simulate(ledger, service, start=start, concurrency=concurrency, budget=budget, stop_after=0)
        billed = sum(490_000 for request in queue.requests if request.code < 500)
        assert billed - (billed_before if kind == "run" else 0) <= cap * CENTS
        money = ledger.money()
        assert money.spent + money.under_way - (spent_before if kind == "run" else 0) <= cap * CENTS
        billed_before = billed


def test_at_the_cap_what_is_under_way_comes_home() -> None:
    """Ten rows for $4.90 under a cap of $2.00: four videos, six rows as they were."""
    ledger = ledger_of(shots(10))
    dispatcher, _ = simulate(ledger, Service(service_queue(10, 60.0)), budget=Budget(run=200 * CENTS))
    assert dispatcher.stopped
    assert dispatcher.stopped.code == "budget"
    assert (count(ledger, "succeeded"), count(ledger, "pending")) == (4, 6)


def test_nothing_is_submitted_that_could_not_be_home_in_time() -> None:
    """A run of an hour with five-minute rows: everything that was bought is home when it ends."""
    ledger = ledger_of(shots(500))
    dispatcher, took = simulate(ledger, Service(service_queue(10, 300.0)), deadline=3600.0)
    assert dispatcher.stopped
    assert dispatcher.stopped.code == "time"
    assert took <= 3600
    assert count(ledger, "submitted") == 0
    assert count(ledger, "succeeded") >= 100


def test_a_limit_begins_so_many_rows_and_finishes_them() -> None:
    """`--limit 3`, one of which needs a second try."""
    queue = service_queue(
        10, 60.0, plan=lambda given_, nth: Outcome(code=500, body={"detail": "x"}) if nth == 1 else None
    )
    ledger = ledger_of(shots(10))
    dispatcher, _ = simulate(ledger, Service(queue), limit=3)
    assert (count(ledger, "succeeded"), count(ledger, "pending")) == (3, 7)
    assert dispatcher.stopped.code == "limit"


def test_a_run_of_equal_failures_stops_the_submitting() -> None:
    """A wrong column burns a dozen rows, not the sheet."""
    queue = service_queue(5, 60.0, plan=lambda *_: Outcome(code=422, body={"detail": "x"}))
    ledger = ledger_of(shots(200))
    dispatcher, _ = simulate(ledger, Service(queue), concurrency=5)
    assert dispatcher.stopped.code == "failures"
    assert len(queue.requests) <= 10 + 5
    assert count(ledger, "pending") >= 185


def test_failures_among_successes_stop_nothing() -> None:
    """Every third row fails alike."""
    queue = service_queue(
        5,
        60.0,
        plan=lambda given_, _: Outcome(code=422, body={"detail": "x"}) if given_["prompt"].endswith("0") else None,
    )
    ledger = ledger_of(shots(200))
    dispatcher, _ = simulate(ledger, Service(queue), concurrency=5)
    assert not dispatcher.stopped
    assert (count(ledger, "succeeded"), count(ledger, "failed")) == (180, 20)


def test_a_night_of_five_thousand_rows_with_everything_that_happens_at_night() -> None:
    """40 slots, 5-minute runs; no network from 2 to 3, the account locked from 4 to 5, a crash at 6, replies lost."""
    hour = 3600.0
    chance = random.Random(3)
    ledger = ledger_of(shots(5000))
    crashed = []

    def poll(_: int) -> None:
        if current_time() > 6 * hour and not crashed:
            crashed.append(current_time())
            raise Crash

    service = Service(
        service_queue(40, 300.0),
        offline=lambda now: 2 * hour < now < 3 * hour,
        locked=lambda now: 4 * hour < now < 5 * hour,
        on_submit=lambda _: "lost" if chance.random() < 0.01 else None,
        before_poll=poll,
    )
    at, stops = 0.0, []
    for _ in range(10):
        try:
            dispatcher, at = simulate(ledger, service, start=at, concurrency=40)
        except BaseExceptionGroup:
            at = crashed[-1]
            stops.append("crash")
        else:
            if not dispatcher.stopped:
                break
            stops.append(dispatcher.stopped.code)
            at = max(at, 5 * hour)
        assert_nothing_bought_twice(ledger, service.queue)
    assert stops == ["locked", "crash"]
    assert count(ledger, "succeeded") == 5000
    assert len(service.queue.requests) == 5000
    assert at < (5000 / 40 * 300 + 3 * hour) * 1.1
