"""How often the service is asked, and how soon an end is noticed: counts on a mock clock."""

import random

import pytest
from anyio import current_time
from hypothesis import given
from hypothesis import strategies as st

from batch.polling import RunTimes, Watch
from tests.simulated import Service, ledger_of, night, play, service_queue, shots


def played(rows: int, slots: int, seconds: float, spread: float = 0.0) -> tuple[Service, float]:
    """The service after a night, and how long the night was."""
    chance = random.Random(7)
    service = Service(service_queue(slots, lambda _: max(1.0, chance.gauss(seconds, spread))))
    ledger = ledger_of(shots(rows))

    async def one() -> float:
        await night(ledger, service, concurrency=slots)
        return current_time()

    return service, play(one)


@pytest.mark.parametrize(("seconds", "spread"), [(300, 0), (300, 15), (300, 30), (900, 30)])
def test_a_video_takes_a_handful_of_requests_and_is_found_soon(seconds: float, spread: float) -> None:
    """All told, submit and result included; the median end is found within 2.5 % of a run time."""
    service, _ = played(200, 40, seconds, spread)
    assert service.requests / 200 <= 9
    assert service.lags[100] <= 0.025 * seconds


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
)
def test_the_next_question_is_never_in_the_past_nor_never(
    typical: float, seed: int, told: list[tuple[str, float]]
) -> None:
    """Whatever was heard, in whatever order, the next question has a finite time that is not before now."""
    times = RunTimes(typical, random.Random(seed).random)
    now = 0.0
    watch = Watch(started=0.0)
    for what, later in told:
        now += later
        times.asking(watch, now)
        if what == "queued":
            times.seen_queued(watch, now)
        elif what == "running":
            times.seen_running(watch, now)
        else:
            times.seen_done(watch, now)
            watch = Watch(started=now)
        due = times.next(watch, now)
        assert now <= due <= now + max(typical, now) * 2 + 5000
