"""The account's slots are asked for: soon while they are counted, seldom later."""

import random
from collections.abc import Callable

import anyio
import pytest
from anyio import current_time

from batch.core.gateway import Accepted
from batch.pacing.concurrency import ConcurrencyLimit
from batch.pacing.poller import Poller
from batch.pacing.slot_probe import SlotProbe
from tests.support.paced_nights import Night
from tests.support.simulated import Service, play, service_queue

SHOT = {"prompt": "a ship", "image_url": "https://example.com/a.png", "duration": "5"}


class Account:
    """An account whose slots are probed while requests run that nobody else asks about."""

    def __init__(self, slots: int, *, told: int | None = None, full: bool = True) -> None:
        self.asked: list[float] = []
        """When each question left."""
        self.sizes: list[int] = []
        """The limit after each answer."""
        self.full = full
        self.service = Service(service_queue(slots, 1e6), before_poll=lambda _: self.asked.append(current_time()))
        self.poller = Poller(self.service, 1e6, random.Random(0).random)
        self.limit = ConcurrencyLimit(self.poller.in_flight, told, 1000, typical=300.0, left=lambda: 1000)

    def _changed(self) -> None:
        self.sizes.append(self.limit.size)
        self._news.set()

    async def _follow(self) -> None:
        answer = await self.service.submit(SHOT)
        assert isinstance(answer, Accepted)
        await self.poller.end(answer.receipt, "5", 0.0, resumed=False)

    def probed(self, seconds: float, requests: Callable[[], int]) -> None:
        """So long, with as many requests sent as there is to be, whenever the limit has changed."""

        async def night() -> None:
            self._news = anyio.Event()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(SlotProbe(self.poller, self.limit).keep, self._changed)
                sent = 0
                with anyio.CancelScope(deadline=seconds):
                    while True:
                        for _ in range(requests() - sent):
                            tasks.start_soon(self._follow)
                            sent += 1
                        await self._news.wait()
                        self._news = anyio.Event()
                tasks.cancel_scope.cancel()

        play(night)


def test_the_slots_are_found_in_seconds() -> None:
    """Three exchanges of 50 ms a step, and each step a fifth more: with no pause in between."""
    sent = sorted(request.sent_at for request in Night(120, 100, 300.0).queue.requests)
    assert sent[99] <= 28 * 0.17


@pytest.mark.parametrize("warm_up", [1.0, 5.0])
def test_a_runner_that_takes_a_moment_to_start_is_not_taken_for_a_full_account(warm_up: float) -> None:
    """Every request is shown as waiting for a while, though slots are free: they are found all the same."""
    played = Night(480, 40, 300.0, 15.0, warm_up=warm_up, changes=[(0.0, 40, 900.0)])
    assert played.most_waiting <= 0.4
    assert played.took <= 12 * 300.0 * 1.1


def test_runners_that_start_slowly_are_told_from_slots_that_are_taken() -> None:
    """Short runs, each shown as waiting for a fifteenth of its time: the slots are found in the first rounds."""
    played = Night(400, 40, 30.0, 1.5, warm_up=2.0, changes=[(0.0, 40, 120.0)])
    assert played.most_waiting <= 1.0
    assert played.took <= 10 * 30.0 * 1.3


def test_where_nothing_is_at_fal_nobody_is_asked() -> None:
    """An hour without a request costs no question."""
    account = Account(10)
    account.probed(3600.0, lambda: 0)
    assert account.asked == account.sizes == []


def test_each_answer_is_made_known_and_the_limit_rises_to_the_slots() -> None:
    """Ten slots, found within seconds; what waits before them is two requests, and so much more is not sent."""
    account = Account(10)
    account.probed(10.0, lambda: account.limit.size)
    assert round(account.limit.slots) == 10
    assert account.sizes[0] < account.sizes[-1] == 12
    assert max(account.sizes) <= 13


def test_once_the_slots_are_counted_the_questions_are_few() -> None:
    """While nothing is known of the run times, their distance grows with the time that the run has taken."""
    account = Account(10)
    account.probed(1000.0, lambda: account.limit.size)
    late = [at for at in account.asked if at > 500]
    assert account.asked
    assert len(late) <= 40


@pytest.mark.parametrize(("full", "told"), [(False, 5), (False, None)])
def test_while_there_is_room_a_request_that_runs_is_not_asked_again_and_again(full: bool, told: int | None) -> None:
    """No row waits for the answer: the probe adds nothing to the request's own questions."""
    account = Account(10, told=told, full=full)
    account.probed(50.0, lambda: 1)
    assert len(account.sizes) <= 1
