"""How many at once: the account's slots are found out, followed, and never flooded; whole nights on a mock clock."""

import random

import anyio
import pytest
from anyio import current_time

from batch.pacing.concurrency import ConcurrencyLimit
from batch.pacing.in_flight import InFlight, InFlightRequest
from batch.pacing.poll_schedule import RunTimes
from tests.support.simulated import Service, count, ledger_of, night, play, service_queue, shots


class Night:
    """A night with `--concurrency auto` on an account whose slots may change."""

    def __init__(self, rows: int, slots: int, seconds: float, spread: float = 0.0, **how: object) -> None:
        chance = random.Random(how.pop("seed", 7))
        self.queue = service_queue(slots, lambda _: max(1.0, chance.gauss(seconds, spread)))
        self.service = Service(self.queue, on_submit=self._look, warm_up=float(how.pop("warm_up", 0.0)))
        self.ledger = ledger_of(shots(rows))
        self.most_waiting = 0.0
        """Beyond one request, in slots."""
        self.changes = how.pop("changes", ())
        self.how = how
        self.took = play(self._night)
        assert count(self.ledger, "succeeded") == rows

    def _look(self, _: int) -> None:
        if not self.settled:
            return
        over = max(0, self.queue.waiting - 1) / self.queue.slots
        self.most_waiting = max(self.most_waiting, over)

    @property
    def settled(self) -> bool:
        """Two run times after a change: what is at fal by then cannot be taken back."""
        return all(not at <= current_time() < at + after for at, _, after in self.changes)

    async def _night(self) -> float:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._change)
            await night(self.ledger, self.service, **{"concurrency": None, **self.how})
            tasks.cancel_scope.cancel()
        return current_time()

    async def _change(self) -> None:
        for at, slots, _ in self.changes:
            with anyio.CancelScope(deadline=at):
                await anyio.sleep_forever()
            self.queue.set_slots(slots, now=current_time())


@pytest.mark.parametrize("slots", [1, 2, 10, 40, 150])
@pytest.mark.parametrize("spread", [0.0, 0.1])
def test_the_slots_are_found_out_and_kept_busy_but_never_flooded(slots: int, spread: float) -> None:
    """Twelve rounds take little more than twelve run times, and at most a quarter of the slots waits before them."""
    played = Night(12 * slots, slots, 300.0, spread * 300.0)
    assert played.most_waiting <= 0.25
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


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("slots", [2, 10])
def test_with_few_slots_an_end_is_found_soon_too(slots: int, seed: int) -> None:
    """When each request began is worked out from the others' ends: an error must not be handed on from row to row."""
    lags = Night(30 * slots, slots, 300.0, 15.0, seed=seed).service.lags
    assert lags[len(lags) * 9 // 10] <= 0.15 * 300.0


def test_the_slots_are_found_in_seconds() -> None:
    """Three exchanges of 50 ms a step, and each step a fifth more: with no pause in between."""
    sent = sorted(request.sent_at for request in Night(120, 100, 300.0).queue.requests)
    assert sent[99] <= 28 * 0.15


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


@pytest.mark.parametrize("warm_up", [1.0, 5.0])
def test_a_runner_that_takes_a_moment_to_start_is_not_taken_for_a_full_account(warm_up: float) -> None:
    """Every request is shown as waiting for a while, though slots are free: they are found all the same."""
    played = Night(480, 40, 300.0, 15.0, warm_up=warm_up)
    assert played.most_waiting <= 0.3
    assert played.took <= 12 * 300.0 * 1.1


def test_runners_that_start_slowly_are_told_from_slots_that_are_taken() -> None:
    """Short runs, each shown as waiting for a fifteenth of its time: the slots are found in the first rounds."""
    played = Night(400, 40, 30.0, 1.5, warm_up=2.0)
    assert played.most_waiting <= 0.3
    assert played.took <= 10 * 30.0 * 1.3


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


def test_of_requests_sent_at_the_same_time_each_is_asked() -> None:
    """That one of them runs proves nothing of the other: its own answer is asked for, and then both count."""
    line, times = InFlight(), RunTimes(300.0, lambda: 0.5)
    one, other = InFlightRequest(times, 0.1, sent=0.0, joined=0.1), InFlightRequest(times, 0.2, sent=0.05, joined=0.2)
    line.join(one)
    line.join(other)
    window = ConcurrencyLimit(line, told=None, most=100)
    line.seen_running(other, 0.3)
    assert window.looked(other, 0.3) == [one]
    assert window.slots == 1
    line.seen_running(one, 0.35)
    assert window.looked(other, 0.4) == []
    assert window.slots == 2
