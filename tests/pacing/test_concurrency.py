"""How many at once: the account's slots are found out, followed, and never flooded; whole nights on a mock clock."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.pacing.concurrency import ConcurrencyLimit
from batch.pacing.in_flight import InFlight, InFlightRequest
from batch.pacing.poll_schedule import RunTimes
from tests.support.paced_nights import Night


@pytest.mark.parametrize("slots", [1, 2, 10, 40, 150])
@pytest.mark.parametrize("spread", [0.0, 0.1])
def test_the_slots_are_found_out_and_kept_busy_but_never_flooded(slots: int, spread: float) -> None:
    """Twelve rounds take little more than twelve run times, and at most a quarter of the slots waits before them."""
    played = Night(12 * slots, slots, 300.0, spread * 300.0)
    assert played.most_waiting <= 0.4
    assert played.took <= 12 * 300.0 * 1.15


def test_short_runs_leave_less_time_to_find_out_and_it_is_enough() -> None:
    """400 rows of 30 s at 40 slots, with no hint that they are not five minutes long."""
    played = Night(400, 40, 30.0, 3.0)
    assert played.most_waiting <= 0.25
    assert played.took <= 10 * 30.0 * 1.1


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("slots", [10, 40])
def test_the_ends_of_the_first_round_are_not_taken_for_more_slots(slots: int, seed: int) -> None:
    """Nobody knows yet how long a run takes, and those that began first have ended: the next ones only take over."""
    played = Night(5 * slots, slots, 300.0, 15.0, seed=seed)
    assert played.most_waiting <= 0.25


def test_a_limit_that_falls_is_followed() -> None:
    """Half the slots go to somebody else: two run times later no more waits than for half the slots."""
    played = Night(1200, 40, 30.0, 3.0, changes=[(200.0, 20, 60.0)])
    assert played.most_waiting <= 0.25
    ideal = 200 + (1200 - 40 * 200 / 30) * 30 / 20
    assert played.took <= 1.06 * ideal


def test_a_limit_that_rises_is_used() -> None:
    """Twice the slots: soon as many run."""
    played = Night(1600, 40, 30.0, 3.0, changes=[(200.0, 80, 60.0)])
    assert played.most_waiting <= 0.25
    ideal = 200 + (1600 - 40 * 200 / 30) * 30 / 80
    assert played.took <= 1.1 * ideal


def test_it_begins_with_care() -> None:
    """One request, then two, then three: what is wrong with a sheet is found out with few rows."""
    played = Night(60, 40, 300.0)
    sent = sorted(request.sent_at for request in played.queue.requests)
    assert sent[1] > sent[0]
    assert sent[5] - sent[0] > 0.5


def test_never_more_than_told() -> None:
    """`--max-concurrency` bounds what is found out."""
    played = Night(60, 40, 300.0, max_concurrency=7)
    assert played.service.most_unfinished == 7


def limit_of(line: InFlight, told: int | None = None) -> ConcurrencyLimit:
    return ConcurrencyLimit(line, told, 100, typical=300.0, left=lambda: 500)


def test_a_limit_that_was_told_is_never_another() -> None:
    line = InFlight()
    limit = limit_of(line, told=7)
    assert (limit.size, limit.slots, limit.counting, limit.calm) == (7, 7, False, True)
    limit.looked(1.0, 1.0, None)
    assert limit.size == 7
    assert limit_of(line, told=700).size == 100


def test_while_nothing_has_begun_the_limit_grows_with_time() -> None:
    """Nobody knows the slots or the line: a fifth of the rows at most, and never fewer than before."""
    line = InFlight()
    line.watched = True
    line.join(InFlightRequest(RunTimes(300.0, lambda: 0.5), 0.0))
    limit = limit_of(line)
    sizes = []
    for now in (1.0, 10.0, 100.0, 1000.0):
        limit.looked(now, 1.0, None)
        sizes.append(limit.size)
    assert sizes[0] >= 2
    assert sizes == sorted(sizes)
    assert sizes[-1] == 100


@given(st.lists(st.tuples(st.sampled_from(["join", "run", "end", "look"]), st.floats(0.1, 500)), max_size=60))
def test_whatever_happens_the_limit_stays_between_one_and_the_most(calls: list[tuple[str, float]]) -> None:
    line, times, now = InFlight(), RunTimes(300.0, lambda: 0.5), 0.0
    line.watched = True
    limit = limit_of(line)
    for what, passed in calls:
        now += passed
        if what == "join":
            line.join(InFlightRequest(times, now, sent=now, joined=now, accepted=now))
        elif what == "run" and line.head:
            line.seen_running(line.head, now)
        elif what == "end" and line.running:
            line.ended(next(iter(line.running)), now)
        else:
            limit.looked(now, passed, 300.0 if line.runs else None)
        assert 1 <= limit.size <= 100
        assert limit.estimate.wait >= 0
