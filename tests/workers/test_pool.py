"""Which worker a call goes to, and what becomes of a worker that is slow, drained or dead: on the mock clock."""

from collections import Counter
from typing import Any

import anyio
import pytest

from batch.core.gateway import Accepted, Receipt
from batch.errors import UsageError
from batch.workers.calls import SUBMITS_EACH, WorkerLost
from batch.workers.pool import GIVE_UP_SECONDS, PULSE_SECONDS, START_AGAIN_MOST, WorkerPool
from tests.support.simulated import Service, play, service_queue
from tests.support.simulated_workers import SimulatedHost, now, pooled, refusing

SHOT = {"prompt": "shot", "image_url": "https://example.com/a.png", "duration": "5"}
RECEIPT = Receipt("none", "https://q/s", "https://q", "https://q/c")


def a_service(**how: Any) -> Service:
    return Service(service_queue(1000, 10.0), **how)


def test_no_worker_has_more_than_four_submits_in_the_air() -> None:
    """So many rows are in doubt when one dies; all are answered in the end, spread over the workers."""
    host = SimulatedHost(a_service(latency=1.0))

    async def crowd() -> None:
        async with pooled(host, 3) as (_, gateway), anyio.create_task_group() as tasks:
            for _ in range(50):
                tasks.start_soon(gateway.submit, SHOT)

    play(crowd)
    assert len(host.service.queue.requests) == 50
    assert [worker.most_submits for worker in host.workers] == [SUBMITS_EACH] * 3
    assert min(worker.asked.count("submit") for worker in host.workers) > 50 / 3 - SUBMITS_EACH


def test_calls_go_to_the_one_with_the_least_to_do() -> None:
    """A worker that is busy for long gets no more while others are idle."""
    host = SimulatedHost(a_service())

    async def crowd() -> None:
        async with pooled(host, 2) as (pool, gateway):
            busy = pool.members[0]
            busy.calls += 5
            for _ in range(4):
                await gateway.poll(await receipt_of(gateway))
            assert busy.remote.asked.count("poll") == 0

    play(crowd)


async def receipt_of(gateway: Any) -> Receipt:
    answer = await gateway.submit(SHOT)
    assert isinstance(answer, Accepted)
    return answer.receipt


def test_a_worker_that_died_gets_nothing_more_and_another_takes_its_place() -> None:
    """By a new name, on whatever host there is."""
    host, said = SimulatedHost(a_service()), []

    async def night() -> None:
        async with pooled(host, 2, said) as (pool, gateway):
            host.named("w1").kill()
            await anyio.sleep(PULSE_SECONDS + 2)
            assert [member.name for member in pool.members] == ["w2", "w3"]
            for _ in range(10):
                await receipt_of(gateway)

    play(night)
    assert said == ["worker w1 on host of w1 was lost (it has died); another takes its place"]
    assert host.named("w1").asked == ["pulse"]
    assert sorted(host.stopped) == ["w1", "w2", "w3"]


def test_a_slow_worker_is_avoided_until_it_is_quick_again() -> None:
    """It is not given up for that: it was busy, or its machine was."""
    host = SimulatedHost(a_service())

    async def night() -> None:
        async with pooled(host, 2) as (pool, gateway):
            slow = host.named("w1")
            slow.freeze()
            await anyio.sleep(PULSE_SECONDS + 4)
            for _ in range(10):
                await receipt_of(gateway)
            assert slow.asked == ["pulse"]
            assert len(pool.members) == 2
            slow.thaw()
            await anyio.sleep(2 * PULSE_SECONDS)
            for _ in range(10):
                await receipt_of(gateway)
            assert "submit" in slow.asked

    play(night)
    assert len(host.workers) == 2


def test_a_worker_without_a_word_for_a_minute_is_given_up() -> None:
    """Another takes its place; where it was only frozen it gets nothing to do any more."""
    host, said = SimulatedHost(a_service()), []

    async def night() -> None:
        async with pooled(host, 1, said) as (pool, gateway):
            host.named("w1").freeze()
            await anyio.sleep(PULSE_SECONDS + GIVE_UP_SECONDS + 2)
            host.named("w1").thaw()
            await receipt_of(gateway)
            assert [member.name for member in pool.members] == ["w2"]

    play(night)
    assert "submit" not in host.named("w1").asked
    assert said == ["worker w1 on host of w1 was lost (not a word for 60 s); another takes its place"]


def test_a_drained_worker_finishes_what_it_is_at_and_gets_no_more() -> None:
    """Its machine is about to go: another is started before it does."""
    host, said = SimulatedHost(a_service(latency=20.0)), []

    async def night() -> None:
        async with pooled(host, 1, said) as (pool, gateway), anyio.create_task_group() as tasks:
            got: list[Receipt] = []

            async def one() -> None:
                got.append(await receipt_of(gateway))

            tasks.start_soon(one)
            await anyio.sleep(1)
            host.named("w1").draining = True
            await anyio.sleep(PULSE_SECONDS + 2)
            assert host.stopped == []
            assert [member.name for member in pool.members] == ["w2"]
            await one()
            assert len(got) == 2
            await anyio.sleep(2 * PULSE_SECONDS)
            assert host.stopped == ["w1"]

    play(night)
    assert host.named("w1").asked.count("submit") == host.named("w2").asked.count("submit") == 1
    assert said == ["worker w1 on host of w1 gets no more calls: its machine is about to go"]


def test_where_no_worker_can_be_started_nothing_begins() -> None:
    """Told with the reason; one that cannot be started now is tried again only once others are at work."""

    async def none(error: Exception) -> None:
        host = SimulatedHost(a_service(), refuse=lambda _: error)
        async with pooled(host, 3):
            raise AssertionError("it has begun")

    for error in (WorkerLost("no room"), UsageError("mend it")):
        with pytest.raises(BaseException) as caught:
            play(lambda error=error: none(error))
        found = caught.value
        while isinstance(found, BaseExceptionGroup):
            found = found.exceptions[0]
        assert isinstance(found, UsageError)
        assert str(found) in ("mend it", "no worker could be started: no room")


def test_a_worker_that_cannot_be_started_again_is_tried_again_and_again() -> None:
    """Less and less often; what is said of it is said each time."""
    host, said = SimulatedHost(a_service(), refuse=refusing(2, 3, 4, 5, 6, 7, error=WorkerLost("no room"))), []

    async def night() -> None:
        async with pooled(host, 1, said) as (pool, _):
            host.named("w1").kill()
            await anyio.sleep(PULSE_SECONDS + 1)
            assert pool.members == []
            assert pool.nobody in ("there is no worker", "there is no worker (no room)")
            await anyio.sleep(4 * START_AGAIN_MOST)
            assert [member.name for member in pool.members] == ["w8"]

    play(night)


def test_a_call_that_waits_for_a_worker_is_done_as_soon_as_there_is_one() -> None:
    """And one that has waited in vain takes nobody's turn."""
    host = SimulatedHost(a_service(latency=12.0))
    answers: Counter[str] = Counter()

    async def night() -> None:
        async with pooled(host, 1) as (pool, gateway), anyio.create_task_group() as tasks:

            async def one() -> None:
                answers[type(await gateway.submit(SHOT)).__name__] += 1

            for _ in range(10):
                tasks.start_soon(one)
            with anyio.move_on_after(2):
                await pool.choose(submit=True)

    play(night)
    assert answers == {"Accepted": 8, "NotSent": 2}


def test_the_clock_of_a_worker_is_known() -> None:
    """To the fraction of a second that a call takes."""
    host = SimulatedHost(a_service(), skew=1000.0)

    async def night() -> None:
        async with WorkerPool(host, 1, now).at_work() as pool:
            assert abs(pool.members[0].ahead - 1000) < 0.1

    play(night)
