"""The rows that wait: in the table's order, each begun once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from heapq import heappop, heappush

import anyio
import pytest
from anyio import current_time
from hypothesis import given, settings
from hypothesis import strategies as st

from batch.core.row import PendingRow
from batch.dispatch.backlog import PAGE, Backlog
from batch.ledger.async_ledger import async_ledger, in_line
from tests.support.simulated import Service, ledger_of, play, service_queue, shots, simulate


@asynccontextmanager
async def backlog_of(rows: int, limit: int | None = None) -> AsyncIterator[Backlog]:
    async with async_ledger(ledger_of(shots(rows)), in_line) as store:
        yield Backlog(store, limit)


async def drained(backlog: Backlog) -> list[PendingRow]:
    found = []
    while pending := await backlog.next():
        found.append(pending)
    return found


def places(rows: list[PendingRow]) -> list[int]:
    return [row.place for row in rows]


def test_rows_are_submitted_in_the_order_of_the_table() -> None:
    """A person who looks in the middle of the night finds the top of the sheet done first."""
    queue = service_queue(5, 60.0)
    simulate(ledger_of(shots(30)), Service(queue), concurrency=1)
    assert [request.input["prompt"] for request in queue.requests] == [f"shot {n}" for n in range(30)]


@pytest.mark.parametrize("rows", [0, 1, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE])
@pytest.mark.parametrize("ahead", [False, True])
def test_every_row_comes_once_in_order_wherever_a_page_ends(rows: int, ahead: bool) -> None:
    """Read page by page, or ahead of time; none is left when all have come, and not sooner."""

    async def night() -> None:
        async with backlog_of(rows) as backlog:
            assert not backlog.none_left
            if ahead:
                await backlog.read_ahead()
                await backlog.read_ahead()
            assert places(await drained(backlog)) == list(range(rows))
            assert backlog.none_left
            assert not backlog.limited

    play(night)


def test_a_row_that_was_put_back_comes_when_it_is_due_before_any_new_one() -> None:
    """Not a moment sooner; of several, the one that is due first."""

    async def night() -> None:
        async with backlog_of(5) as backlog:
            first, second = await backlog.next(), await backlog.next()
            assert first
            assert second
            backlog.put_back(first, 10.0)
            backlog.put_back(second, 5.0)
            assert backlog.due == 5.0
            assert places([one for one in [await backlog.next()] if one]) == [2]
            await anyio.sleep(10.0)
            assert places(await drained(backlog)) == [1, 0, 3, 4]
            assert backlog.due == float("inf")

    play(night)


def test_while_a_row_waits_to_come_again_some_are_left() -> None:
    """None is due now, and none_left says that this is not the end."""

    async def night() -> None:
        async with backlog_of(1) as backlog:
            only = await backlog.next()
            assert only
            backlog.put_back(only, 1.0)
            assert await backlog.next() is None
            assert not backlog.none_left
            await anyio.sleep(1.0)
            assert await backlog.next() == only
            assert await backlog.next() is None
            assert backlog.none_left

    play(night)


@pytest.mark.parametrize(
    ("limit", "begun", "limited"), [(None, 5, False), (6, 5, False), (5, 5, False), (4, 4, True), (0, 0, True)]
)
def test_a_limit_counts_the_rows_that_are_begun(limit: int | None, begun: int, limited: bool) -> None:
    """It is said to have been reached only where rows were left for it; another try is no further row."""

    async def night() -> None:
        async with backlog_of(5, limit) as backlog:
            found = await drained(backlog)
            assert (places(found), backlog.limited, backlog.none_left) == (list(range(begun)), limited, True)
            for row in found:
                backlog.put_back(row, 0.0)
            assert places(await drained(backlog)) == list(range(begun))

    play(night)


def test_a_row_that_somebody_brings_further_is_not_begun() -> None:
    """Though the ledger gives it as pending: its request was found at fal in this very run."""

    async def night() -> None:
        async with async_ledger(ledger_of(shots(3)), in_line) as store:
            backlog = Backlog(store, None)
            held = (await store.pending_rows(-1, 3))[1]
            backlog.hold(held.row)
            assert backlog.holds(held.row)
            found = await drained(backlog)
            assert places(found) == [0, 2]
            assert all(backlog.holds(row.row) for row in found)

    play(night)


def test_a_row_put_back_before_it_was_read_comes_once() -> None:
    """Proven never to have been accepted, it is pending in the ledger as well."""

    async def night() -> None:
        async with async_ledger(ledger_of(shots(3)), in_line) as store:
            backlog = Backlog(store, None)
            backlog.put_back((await store.pending_rows(-1, 3))[2], 0.0)
            assert places(await drained(backlog)) == [2, 0, 1]

    play(night)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 6), st.lists(st.sampled_from(["next", "wait"]) | st.integers(0, 4), max_size=30))
def test_rows_come_as_a_plain_list_and_a_heap_would_give_them(rows: int, steps: list[str | int]) -> None:
    """Whatever is put back when, each row is under way, due later or still to come: never lost, never twice."""

    async def night() -> None:
        async with backlog_of(rows) as backlog:
            new, later, out, order = list(range(rows)), [], [], 0
            for step in steps:
                if step == "wait":
                    await anyio.sleep(1.0)
                elif step == "next":
                    due = bool(later) and later[0][0] <= current_time()
                    expected = heappop(later)[2] if due else new.pop(0) if new else None
                    found = await backlog.next()
                    assert (found and found.place) == expected
                    out += [found] if found else []
                elif out:
                    row = out.pop(0)
                    backlog.put_back(row, step)
                    heappush(later, (current_time() + step, order, row.place))
                    order += 1
                assert backlog.due == (later[0][0] if later else float("inf"))

    play(night)
