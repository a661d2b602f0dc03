"""How often the service is asked, and how soon an end is noticed: counts on a mock clock."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.pacing.in_flight import InFlight, InFlightRequest
from batch.pacing.poll_schedule import RunTimes
from tests.support.paced_nights import played
from tests.support.simulated import Service, ledger_of, night, play, service_queue, shots


@pytest.mark.parametrize("tells", [False, True])
@pytest.mark.parametrize("concurrency", [40, None])
@pytest.mark.parametrize(("seconds", "spread"), [(300, 0), (300, 15), (900, 45)])
def test_a_video_takes_a_handful_of_requests_and_is_found_soon(
    seconds: float, spread: float, concurrency: int | None, tells: bool
) -> None:
    """All told, submit and result included; the median end is found within 2 % of a run time."""
    service, _ = played(400, 40, seconds, spread, concurrency=concurrency, tells=tells)
    assert service.requests / 400 <= 8
    assert service.lags[200] <= 0.02 * seconds


def test_widely_spread_run_times_cost_little_more() -> None:
    """Half of the videos take between 280 and 320 seconds, some 200 or 400."""
    service, _ = played(400, 40, 300, 30)
    assert service.requests / 400 <= 8
    assert service.lags[200] <= 0.025 * 300


def test_short_runs_are_found_as_quickly_without_being_told() -> None:
    """The job says five minutes, the service takes three seconds: no slot idles for long."""
    service, took = played(1000, 250, 3.0)
    assert took <= 4 * 3.0 * 1.2
    assert service.requests / 1000 <= 6


def test_a_single_row_is_not_asked_after_in_vain() -> None:
    """One row of five minutes costs a few requests a minute at most."""
    service, _ = played(1, 1, 300.0)
    assert service.asked["poll"] <= 25


def test_one_slow_row_is_asked_after_less_and_less() -> None:
    """A request that runs an hour where others take five minutes costs a few questions a minute at most."""
    chance = iter([3600.0] + [300.0] * 30)
    service = Service(service_queue(31, lambda _: next(chance)))
    asked_of_slow = 0

    async def one() -> None:
        await night(ledger_of(shots(31)), service, concurrency=31)

    play(one)
    others = 31 * 8
    asked_of_slow = service.asked["poll"] - others
    assert asked_of_slow <= 60


@given(
    st.floats(1, 4000),
    st.integers(0, 2**32),
    st.lists(st.tuples(st.sampled_from(["queued", "running", "done"]), st.floats(0, 5000)), max_size=40),
    st.none() | st.floats(0, 5000),
)
def test_the_next_question_is_never_in_the_past_nor_never(
    typical: float, seed: int, told: list[tuple[str, float]], seconds: float | None
) -> None:
    """Whatever was heard, in whatever order, the next question has a finite time that is not before now."""
    times = RunTimes(typical, random.Random(seed).random)
    now = 0.0
    line, watch = InFlight(), InFlightRequest(times, 0.0)
    line.join(watch)
    for what, later in told:
        now += later
        times.asking(watch, now)
        if what == "queued":
            line.seen_waiting(watch, None, now)
        elif what == "running":
            line.seen_running(watch, now)
            times.seen_running(watch)
        else:
            line.ended(watch, times.seen_done(watch, now, seconds))
            watch = InFlightRequest(times, now)
            line.join(watch)
        due = times.next(watch, now)
        assert now <= due <= now + max(typical, now, seconds or 0.0) * 7 + 5000
