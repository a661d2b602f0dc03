"""What a call means that a worker gave no answer to, and whole nights whose workers die: on the mock clock."""

from collections import Counter
from typing import Any

import anyio
import pytest

from batch.core.gateway import Accepted, Finished, InDoubt, NotSent, Receipt, Unclear, Waiting
from batch.workers.calls import BEGIN_SECONDS, REPLY_SECONDS, SUBMITS_EACH
from tests.support.simulated import (
    Service,
    assert_nothing_bought_twice,
    count,
    ledger_of,
    night,
    play,
    service_queue,
    shots,
)
from tests.support.simulated_workers import SimulatedHost, die_each, pooled

SHOT = {"prompt": "shot", "image_url": "https://example.com/a.png", "duration": "5"}
RECEIPT = Receipt("none", "https://q/s", "https://q", "https://q/c")


def killed_during(call: str, *arguments: Any) -> tuple[Any, SimulatedHost]:
    """The answer to a call whose worker dies while it is at it; there is no other one for a while."""
    host = SimulatedHost(Service(service_queue(10, 10.0), latency=5.0), start_seconds=20.0)
    answers: list[Any] = []

    async def one() -> None:
        async with pooled(host, 1) as (_, gateway), anyio.create_task_group() as tasks:

            async def ask() -> None:
                answers.append(await getattr(gateway, call)(*arguments))

            tasks.start_soon(ask)
            await anyio.sleep(1)
            host.named("w1").kill()

    play(one)
    return answers[0], host


def test_a_submit_whose_worker_died_is_in_doubt() -> None:
    """Whether it had begun or not; who it was is said."""
    answer, _ = killed_during("submit", SHOT)
    assert answer == InDoubt("worker w1 on host of w1 was lost (it has died) before it answered")


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("poll", (RECEIPT,)),
        ("collect", (RECEIPT, Finished())),
        ("request_history", (0.0,)),
    ],
)
def test_a_question_whose_worker_died_says_nothing(call: str, arguments: tuple[Any, ...]) -> None:
    """It is asked again, and here there was nobody to ask in time."""
    answer, _ = killed_during(call, *arguments)
    assert answer == Unclear("there is no worker")


def test_a_question_is_put_to_another_worker_where_one_dies() -> None:
    """At once: it may be asked twice."""
    host = SimulatedHost(Service(service_queue(10, 10.0), latency=5.0))

    async def one() -> None:
        async with pooled(host, 2) as (_, gateway), anyio.create_task_group() as tasks:
            accepted = await gateway.submit(SHOT)

            async def kill() -> None:
                await anyio.sleep(1)
                next(one for one in host.workers if "poll" in one.asked).kill()

            tasks.start_soon(kill)
            assert isinstance(await gateway.poll(accepted.receipt), Waiting)

    play(one)


def test_without_a_worker_nothing_is_sent() -> None:
    """Which is safe to repeat, and said with the reason."""
    host = SimulatedHost(Service(service_queue(10, 10.0)), start_seconds=20.0)

    async def one() -> None:
        async with pooled(host, 1) as (_, gateway):
            host.named("w1").kill()
            await anyio.sleep(7)
            assert await gateway.submit(SHOT) == NotSent("there is no worker")

    play(one)
    assert host.service.queue.requests == []


@pytest.mark.parametrize("frozen", [BEGIN_SECONDS - 5, BEGIN_SECONDS + 5, REPLY_SECONDS + 5, 5000.0])
@pytest.mark.parametrize("skew", [0.0, -3000.0])
def test_a_worker_that_was_frozen_sends_nothing_late(frozen: float, skew: float) -> None:
    """By then the run may have proven that it never left; whatever the worker's clock shows."""
    host = SimulatedHost(Service(service_queue(10, 10.0)), skew=skew)
    answers: list[Any] = []

    async def one() -> None:
        async with pooled(host, 1) as (_, gateway), anyio.create_task_group() as tasks:

            async def ask() -> None:
                answers.append(await gateway.submit(SHOT))

            tasks.start_soon(ask)
            await anyio.sleep(0.01)
            host.named("w1").freeze()
            await anyio.sleep(frozen)
            host.named("w1").thaw()
            await anyio.sleep(10)

    play(one)
    if frozen < BEGIN_SECONDS:
        assert isinstance(answers[0], Accepted)
        assert len(host.service.queue.requests) == 1
    else:
        assert host.service.queue.requests == []
        expected = "in time" if frozen < REPLY_SECONDS else "no answer in 110 s"
        assert isinstance(answers[0], NotSent if expected == "in time" else InDoubt)


@pytest.mark.parametrize("seed", range(3))
def test_a_night_whose_workers_die_pays_for_nothing_twice_and_loses_nothing(seed: int) -> None:
    """One dies every 20 seconds: four rows a death are in doubt at most, and the next run has settled them all."""
    rows, slots = 200, 20
    service = Service(service_queue(slots, 60.0))
    ledger = ledger_of(shots(rows))
    deaths: Counter[str] = Counter()
    host = SimulatedHost(service)

    async def whole() -> None:
        async with pooled(host, 5) as (_, gateway), anyio.create_task_group() as tasks:
            tasks.start_soon(die_each, host, 20.0, seed)
            await night(ledger, gateway, concurrency=slots)
            tasks.cancel_scope.cancel()
        deaths["all"] = sum(worker.dead for worker in host.workers)
        deaths["in doubt"] = int(ledger.db.execute("SELECT COUNT(*) FROM event WHERE new = 'in_doubt'").fetchone()[0])
        if count(ledger, "succeeded") < rows:
            await anyio.sleep(7200)
            await night(ledger, service, concurrency=slots)

    play(whole)
    assert_nothing_bought_twice(ledger, service.queue)
    assert deaths["all"] > 20
    assert deaths["in doubt"] <= SUBMITS_EACH * deaths["all"]
    assert max(worker.most_submits for worker in host.workers) <= SUBMITS_EACH
    assert count(ledger, "succeeded") == rows == len({request.input["prompt"] for request in service.queue.requests})


def test_a_worker_taken_for_dead_that_comes_back_changes_nothing_but_by_its_receipts() -> None:
    """Frozen with what it had just sent: the rows are in doubt, until it thaws and tells; fal's records say nothing."""
    rows = 100
    service = Service(service_queue(10, 60.0), unreadable=True)
    ledger, host = ledger_of(shots(rows)), SimulatedHost(service)

    async def freeze() -> None:
        while not (busy := [one for one in host.workers if one.asked.count("submit") > 2 and one.submits]):  # noqa: ASYNC110
            await anyio.sleep(0.005)
        busy[0].freeze()
        await anyio.sleep(300)
        busy[0].thaw()

    async def whole() -> None:
        async with pooled(host, 3) as (_, gateway), anyio.create_task_group() as tasks:
            tasks.start_soon(freeze)
            await night(ledger, gateway, concurrency=10)

    play(whole)
    doubts = int(ledger.db.execute("SELECT COUNT(*) FROM event WHERE new = 'in_doubt'").fetchone()[0])
    assert 0 < doubts <= SUBMITS_EACH
    assert len(host.workers) == 4
    assert_nothing_bought_twice(ledger, service.queue)
    assert count(ledger, "succeeded") + count(ledger, "in_doubt") == rows
    assert count(ledger, "succeeded") >= len({str(request.input["prompt"]) for request in service.queue.requests})
