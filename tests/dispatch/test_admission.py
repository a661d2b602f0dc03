"""Admission to submitting: one careful row first, pauses for all, and closed for good once closed."""

import anyio
import pytest
from anyio import current_time, wait_all_tasks_blocked

from batch.core.gateway import Accepted, AccountRefused, InDoubt, NotSent, Receipt, Refused, SubmitAnswer, Throttled
from batch.dispatch.admission import PAUSES, Admission, Admitted
from batch.dispatch.transitions import of_submit
from tests.support.simulated import Service, count, ledger_of, play, service_queue, shots, simulate

ACCEPTED = Accepted(Receipt("r", "s", "u", "c"))


class Door:
    """Admission, and the crowd before it: when each was admitted, and who was turned away."""

    def __init__(self) -> None:
        self.admission = Admission(lambda: 0.5)  # a pause of exactly its own length
        self.admitted: list[float] = []
        self.turned_away = 0

        self.inside: list[Admitted] = []

    async def ask(self) -> None:
        if admitted := await self.admission.enter():
            self.inside.append(admitted)
            self.admitted.append(current_time())
        else:
            self.turned_away += 1

    def answer(self, answer: SubmitAnswer) -> None:
        """To the one that was admitted first, or long before."""
        admitted = self.inside.pop(0) if self.inside else Admitted(probe=False)
        self.admission.leave(admitted, of_submit(answer, 0.0))


def test_the_first_row_goes_alone() -> None:
    """A wrong key or a dead network is found out with one row."""
    service = Service(service_queue(100, 60.0), locked=lambda _: True)
    ledger = ledger_of(shots(200))
    dispatcher, _ = simulate(ledger, service, concurrency=100)
    assert service.asked["submit"] == 1
    assert dispatcher.stopped
    assert count(ledger, "pending") == 200


def test_a_run_started_without_network_waits_for_it() -> None:
    """One POST at a time is tried until the network is there."""
    service = Service(service_queue(10, 60.0), offline=lambda now: now < 600)
    ledger = ledger_of(shots(20))
    simulate(ledger, service)
    assert count(ledger, "succeeded") == 20
    assert service.asked["submit"] < 20 + 30


def test_uploads_that_fail_without_network_are_not_tried_in_a_frenzy() -> None:
    """Twenty rows with local images and ten minutes offline: each tries about once a pause, not thousands of times."""
    service = Service(service_queue(10, 60.0), offline=lambda now: now < 600, uploads=True)
    ledger = ledger_of(shots(20))
    simulate(ledger, service)
    assert count(ledger, "succeeded") == 20
    assert service.asked["prepare"] < 20 * 30


def test_a_busy_service_is_asked_again_later_and_that_is_no_attempt() -> None:
    """429 is a pause for all."""
    service = Service(service_queue(10, 60.0), on_submit=lambda n: "busy" if n % 3 == 0 else None)
    ledger = ledger_of(shots(20))
    simulate(ledger, service)
    assert count(ledger, "succeeded") == 20
    assert ledger.db.execute("SELECT MAX(attempts) FROM row").fetchone() == (1,)


@pytest.mark.parametrize("answer", [ACCEPTED, Refused("literal_error", "no")])
def test_the_crowd_follows_when_the_service_has_judged_the_first_row(answer: SubmitAnswer) -> None:
    """Accepted or refused for good: the key and the way to the service are in order."""

    async def night() -> None:
        door = Door()
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(door.ask)
            await wait_all_tasks_blocked()
            assert len(door.admitted) == 1
            door.answer(answer)
            await wait_all_tasks_blocked()
            assert len(door.admitted) == 5

    play(night)


def test_an_answer_that_judges_nothing_lets_one_more_go() -> None:
    """A lost reply, or a row that was not tried after all: the next one is as careful."""

    async def night() -> None:
        door = Door()
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(door.ask)
            await wait_all_tasks_blocked()
            door.answer(InDoubt("lost"))
            await wait_all_tasks_blocked()
            assert len(door.admitted) == 2
            door.admission.leave(door.inside.pop(0), None)
            await wait_all_tasks_blocked()
            assert len(door.admitted) == 3
            door.admission.close()

    play(night)


@pytest.mark.parametrize("seconds", [0.0, 0.5, 7.0, 3600.0])
def test_a_pause_that_the_service_asks_for_is_kept_to_the_second(seconds: float) -> None:
    """Nobody is admitted before it is over; then one goes alone, and the others when that one is through."""

    async def night() -> None:
        door = Door()
        await door.ask()
        door.answer(ACCEPTED)
        await door.ask()
        door.answer(Throttled(seconds))
        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(door.ask)
            await anyio.sleep(seconds + 60)
            assert door.admitted == [0.0, 0.0, seconds]
            door.answer(ACCEPTED)
        assert door.admitted[3:] == [seconds + 60] * 3

    play(night)


def test_pauses_of_our_own_double_up_to_a_minute_and_begin_anew_after_a_success() -> None:
    """A network that is gone for long costs one POST a minute."""

    async def night() -> list[float]:
        door = Door()
        for _ in range(8):
            await door.ask()
            door.answer(NotSent("no network"))
        await door.ask()
        door.answer(ACCEPTED)
        await door.ask()
        door.answer(NotSent("no network"))
        await door.ask()
        return [later - sooner for sooner, later in zip(door.admitted, door.admitted[1:], strict=False)]

    assert play(night) == [1, 2, 4, 8, 16, 32, 60, 60, 0, 1]


def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    """A straggler whose POST failed has no say over what the service asked for."""

    async def night() -> None:
        door = Door()
        await door.ask()
        door.answer(ACCEPTED)
        await door.ask()
        await door.ask()
        door.answer(Throttled(100.0))
        door.answer(NotSent("no network"))
        await door.ask()
        assert door.admitted[-1] == 100.0

    play(night)


@pytest.mark.parametrize("pause", [ACCEPTED, Throttled(3600.0)], ids=["waiting for the first row", "in a pause"])
def test_whoever_waits_when_it_closes_is_turned_away_at_once(pause: SubmitAnswer) -> None:
    """And whoever comes later too: it does not open again."""

    async def night() -> None:
        door = Door()
        await door.ask()
        if pause is not ACCEPTED:
            door.answer(pause)
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(door.ask)
            await wait_all_tasks_blocked()
            door.admission.close()
        door.answer(ACCEPTED)
        await door.ask()
        assert (len(door.admitted), door.turned_away, current_time()) == (1, 4, 0.0)

    play(night)


def test_a_refused_account_closes_it_for_good() -> None:
    """No later answer opens it again."""

    async def night() -> None:
        door = Door()
        await door.ask()
        door.answer(AccountRefused("http_401", "no"))
        assert door.admission.closed
        door.answer(ACCEPTED)
        await door.ask()
        assert door.turned_away == 1

    play(night)


def test_the_notice_says_what_is_waited_for_until_it_is_over() -> None:
    """The reason and the seconds; nothing once a row is through."""

    async def night() -> None:
        door = Door()
        assert door.admission.notice == ""
        await door.ask()
        door.answer(Throttled(90.0))
        assert door.admission.notice == "fal asks for a pause (429); next try in 90 s"
        await door.ask()
        door.answer(ACCEPTED)
        assert door.admission.notice == ""

    play(night)


def test_who_comes_back_during_a_pause_lets_nobody_in_beside_the_probe() -> None:
    """POSTs from before it that judge nothing: a dying network must not leave dozens of rows in doubt."""

    async def night() -> None:
        door = Door()
        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(door.ask)
            await wait_all_tasks_blocked()
            door.answer(ACCEPTED)
            await wait_all_tasks_blocked()
            assert len(door.admitted) == 8
            door.answer(NotSent("no network"))
            for _ in range(5):
                tasks.start_soon(door.ask)
            await anyio.sleep(PAUSES.base + 0.1)
            await wait_all_tasks_blocked()
            assert len(door.admitted) == 9  # the probe
            for _ in range(4):
                door.answer(InDoubt("lost"))
                await wait_all_tasks_blocked()
            assert len(door.admitted) == 9
            tasks.cancel_scope.cancel()

    play(night)
