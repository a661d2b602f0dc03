"""The ledger awaited: one writer, one commit for all that was asked during the last one."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import anyio

from batch.core.money import Budget, Cap
from batch.core.row import InDoubtRow, KnownRequest, PendingRow, SubmittedRow
from batch.core.states import State, Transition
from batch.core.store import BookLost
from batch.ledger.in_doubt import asked_by_others, in_doubt_rows, known_requests, requests_since_doubt
from batch.ledger.ledger import STOPPED_FOR, Ledger, booking

T = TypeVar("T")
TURN_SECONDS, AGAIN_SECONDS = 30.0, 0.002
"""How long other runs of the account are waited for, and how often it is tried."""
Offload = Callable[[Callable[[], Any]], Awaitable[Any]]


async def in_thread(call: Callable[[], T]) -> T:
    """Off the event loop: a commit waits for the disk."""
    return await anyio.to_thread.run_sync(call)


async def in_line(call: Callable[[], T]) -> T:
    """On the event loop: for a clock that does not wait for threads."""
    return call()


@dataclass(slots=True)
class _Entry:
    call: Callable[[], Any]
    done: anyio.Event = field(default_factory=anyio.Event)
    value: Any = None
    error: Exception | None = None


class AsyncLedger:
    """Group commit: entries are written in the order they came, many to a transaction."""

    def __init__(self, ledger: Ledger, offload: Offload = in_thread) -> None:
        self._ledger = ledger
        self._offload = offload
        self._waiting: list[_Entry] = []
        self._writing = anyio.CancelScope(shield=True)
        self._wake = anyio.Event()
        self.when_changed: list[Callable[[int, Transition], None]] = []
        """Told each change of a row, once it is on disk."""

    async def apply(self, row: int, transition: Transition) -> State:
        """Returns when the transition is on disk: the state that the row is in then."""
        state: State = await self._do(lambda: self._ledger.apply(row, transition))
        self._tell(row, transition)
        return state

    async def claim(self, row: int, transition: Transition, budget: Budget) -> Cap | None:
        """None: the intent is on disk; otherwise the cap that has no room for it."""
        reached = await self._do(lambda: self._ledger.claim(row, transition, budget))
        if reached is None:
            self._tell(row, transition)
        return reached

    def _tell(self, row: int, transition: Transition) -> None:
        for tell in self.when_changed:
            tell(row, transition)

    async def pending_rows(self, after: int, limit: int) -> list[PendingRow]:
        return await self._do(lambda: self._ledger.pending_rows(after, limit))

    async def submitted_rows(self) -> list[SubmittedRow]:
        return await self._do(self._ledger.submitted_rows)

    async def pending_row(self, row: int) -> PendingRow | None:
        return await self._do(lambda: self._ledger.pending_row(row))

    async def in_doubt_rows(self) -> list[InDoubtRow]:
        return await self._do(lambda: in_doubt_rows(self._ledger))

    async def requests_since_doubt(self, endpoint: str) -> dict[str, KnownRequest]:
        return await self._do(lambda: requests_since_doubt(self._ledger, endpoint))

    async def known_requests(self, request_ids: Iterable[str]) -> dict[str, KnownRequest]:
        return await self._do(lambda: known_requests(self._ledger, request_ids))

    async def asked_by_others(self, inputs: Sequence[Mapping[str, Any] | None]) -> bool:
        """Whether requests that are nobody's here, of these inputs, show that others ask for what we ask for."""
        return await self._do(lambda: asked_by_others(self._ledger, inputs))

    async def stopped_for(self) -> str:
        """Of what kind the failures were that an earlier run stopped for; empty where a row has succeeded since."""
        return await self._do(self._ledger.stopped_for)

    async def keep_stopped_for(self, error_type: str) -> None:
        """Keeps it for the runs to come; empty: a row has succeeded."""
        await self._do(lambda: self._ledger.set_meta(STOPPED_FOR, error_type))

    async def call(self, call: Callable[[], T]) -> T:
        """Any other read or write of the ledger, in the writer's turn."""
        return await self._do(call)

    async def _do(self, call: Callable[[], T]) -> T:
        entry = _Entry(call)
        self._waiting.append(entry)
        self._wake.set()
        await entry.done.wait()
        if entry.error is not None:
            raise entry.error
        value: T = entry.value
        return value

    async def write(self) -> None:
        """The writer; runs until `stop`, and leaves nothing half written and nothing unwritten.

        Whatever is cancelled around it, it goes on: a receipt that is waited for under a shield needs it.
        """
        try:
            with self._writing:
                while True:
                    await self._wake.wait()
                    self._wake = anyio.Event()
                    await self._write_waiting()
        finally:
            while self._waiting:  # of callers that were cancelled in the same moment
                await self._write_waiting()

    def stop(self) -> None:
        """Nobody will ask for anything any more."""
        self._writing.cancel()

    async def _write_waiting(self) -> None:
        batch, self._waiting = self._waiting, []
        try:
            with anyio.CancelScope(shield=True):
                try:
                    await self._commit(batch)
                except BookLost as lost:  # nothing of it was written: once more, without it
                    await self._commit(batch, str(lost))
        except Exception as error:  # noqa: BLE001 - handed to every caller: none of them was written
            for entry in batch:
                entry.error = error
        for entry in batch:
            entry.done.set()

    async def _commit(self, batch: list[_Entry], book_lost: str = "") -> None:
        # The entries on the event loop, a few microseconds each: in a thread every one of them would wait for its turn
        # at the interpreter. Only the disk is waited for elsewhere.
        if not book_lost:
            await self._wait_for_turn()
        try:
            self._ledger.begin()
            if book_lost:
                self._ledger.lose_book(book_lost)
            for entry in batch:
                self._one(entry)
            await self._offload(self._ledger.commit)
        except BaseException:
            self._ledger.undo()
            raise

    async def _wait_for_turn(self) -> None:
        """For the account's book, where another run is in the middle of a transaction: the event loop goes on."""
        with anyio.move_on_after(TURN_SECONDS):
            while self._ledger.book:
                with booking():
                    if self._ledger.book.try_begin():
                        return
                await anyio.sleep(AGAIN_SECONDS)
            return
        raise BookLost(
            f"another run has held the account's book for {TURN_SECONDS:g} s: see what is the matter with it"
        )

    def _one(self, entry: _Entry) -> None:
        book, entry.error = self._ledger.book, None  # it may be asked for the second time
        self._ledger.db.execute("SAVEPOINT entry")
        written = book is not None and book.in_transaction
        if book:
            with booking():
                book.savepoint()
        try:
            entry.value = entry.call()
        except BookLost:
            raise
        except Exception as error:  # handed to the one caller whose entry it is
            if not self._ledger.db.in_transaction or (book and written and not book.in_transaction):
                raise  # the disk is full and the whole transaction is gone, not only this entry
            entry.error = error
            self._ledger.db.execute("ROLLBACK TO entry")
            if book:
                with booking():
                    book.undo_to_savepoint()
        self._ledger.db.execute("RELEASE entry")


@asynccontextmanager
async def async_ledger(ledger: Ledger, offload: Offload = in_thread) -> AsyncIterator[AsyncLedger]:
    """A ledger whose writer runs as long as the block, and has written everything when it ends."""
    opened = AsyncLedger(ledger, offload)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(opened.write, name="ledger")
        try:
            yield opened
        finally:
            opened.stop()
