"""The journal: what is told to be on disk is on disk, in order, and one bad entry spoils no other."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import anyio
import anyio.lowlevel
import pytest

from batch.core import states
from batch.core.store import PurchaseBook
from batch.ledger.async_ledger import AsyncLedger, async_ledger, in_line, in_thread
from batch.ledger.ledger import Ledger, StateConflict

pytestmark = pytest.mark.anyio


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shots.csv.ledger"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    with Ledger.open(path) as opened:
        for place in range(3):
            opened.db.execute(
                "INSERT INTO row (key, place, fingerprint, arguments, changed_at) VALUES (?, ?, x'', '{}', 0)",
                (f"id:{place}", place),
            )
            opened.db.execute("INSERT INTO sheet VALUES (?, ?, ?, 0, NULL)", (place, place + 2, place + 1))
        yield opened


def notes(path: Path) -> list[str]:
    """What another process would find, in the order it was written."""
    with Ledger.read(path) as reader:
        return [detail for (detail,) in reader.db.execute("SELECT detail FROM event ORDER BY seq")]


def note(ledger: Ledger, text: str) -> Callable[[], None]:
    """A write that tells its order."""

    def write() -> None:
        ledger.db.execute("INSERT INTO event (row, at, old, new, detail) VALUES (1, 0, '', '', ?)", (text,))

    return write


class Turns:
    """An offload that waits until it is let go, and counts the transactions."""

    def __init__(self) -> None:
        self.gate = anyio.Event()
        self.commits = 0

    async def __call__(self, call: Callable[[], Any]) -> Any:
        await self.gate.wait()
        self.commits += 1
        return await in_thread(call)


async def test_a_move_is_on_disk_when_apply_returns(ledger: Ledger, path: Path) -> None:
    """Another process sees it."""
    async with async_ledger(ledger) as store:
        await store.apply(1, states.claimed(1.0, None, 1))
        with Ledger.read(path) as reader:
            assert reader.db.execute("SELECT state FROM row WHERE id = 1").fetchone() == ("submitting",)


async def test_entries_are_written_in_the_order_they_came(ledger: Ledger, path: Path) -> None:
    """Also across transactions."""
    came: list[str] = []

    async def one(text: str) -> None:
        came.append(text)
        await store.call(note(ledger, text))

    async with async_ledger(ledger) as store, anyio.create_task_group() as tasks:
        for at in range(50):
            tasks.start_soon(one, str(at))
            if at % 7 == 0:
                await anyio.lowlevel.checkpoint()
    assert notes(path) == came
    assert len(came) == 50


async def test_what_comes_while_a_commit_runs_shares_the_next_one(ledger: Ledger) -> None:
    """One fsync for all of them: five hundred rows do not wait for each other's."""
    turns = Turns()
    async with async_ledger(ledger, turns) as store, anyio.create_task_group() as tasks:
        tasks.start_soon(store.call, note(ledger, "first"))
        await anyio.wait_all_tasks_blocked()
        for at in range(40):
            tasks.start_soon(store.call, note(ledger, str(at)))
        await anyio.wait_all_tasks_blocked()
        turns.gate.set()
    assert turns.commits == 2


async def test_one_bad_entry_spoils_no_other(ledger: Ledger, path: Path) -> None:
    """Its caller gets the error, and all that it did itself is undone."""
    turns = Turns()
    came: dict[str, object] = {}

    def half_done() -> None:
        note(ledger, "half done")()
        raise ValueError("bad entry")

    async def tell(name: str, call: Callable[[], Any]) -> None:
        try:
            came[name] = await store.call(call)
        except (ValueError, StateConflict, sqlite3.Error) as error:
            came[name] = type(error)

    async with async_ledger(ledger, turns) as store, anyio.create_task_group() as tasks:
        tasks.start_soon(tell, "good", lambda: note(ledger, "good")() or "written")
        tasks.start_soon(tell, "bad", half_done)
        tasks.start_soon(tell, "conflict", lambda: ledger.apply(1, states.never_accepted(1.0)))
        tasks.start_soon(tell, "refused", lambda: ledger.db.execute("DELETE FROM row"))
        tasks.start_soon(tell, "last", lambda: note(ledger, "last")() or "written")
        await anyio.wait_all_tasks_blocked()
        turns.gate.set()
    assert came == {
        "good": "written",
        "bad": ValueError,
        "conflict": StateConflict,
        "refused": sqlite3.IntegrityError,
        "last": "written",
    }
    assert sorted(notes(path)) == ["good", "last"]


class FullBook:
    """An account's book whose disk is full: only its commit tells."""

    in_transaction = False

    def try_begin(self) -> bool:
        return True

    def savepoint(self) -> None: ...
    def undo_to_savepoint(self) -> None: ...
    def undo(self) -> None: ...

    def commit(self) -> None:
        raise sqlite3.OperationalError("database or disk is full")


async def test_what_a_lost_book_refused_is_told_by_what_is_on_disk(ledger: Ledger, path: Path) -> None:
    """Each entry is asked once more without the book: what is written then is written, and nobody hears of before."""

    def refused_by_the_book() -> str:
        if ledger.book:
            raise StateConflict("the book has it otherwise")
        note(ledger, "once more")()
        return "written"

    ledger.book = cast("PurchaseBook", FullBook())
    async with async_ledger(ledger) as store:
        assert await store.call(refused_by_the_book) == "written"
    assert notes(path) == ["once more"]
    assert ledger.book_lost


async def test_an_error_of_the_commit_reaches_every_caller(ledger: Ledger, path: Path) -> None:
    """None of them was written, and none is told that it was; the next transaction is as good as any."""
    turns = Turns()
    failed = []

    def orphan() -> None:
        """Refused only by the COMMIT."""
        ledger.db.execute("PRAGMA defer_foreign_keys = ON")
        ledger.db.execute("INSERT INTO event (row, at, old, new, detail) VALUES (99, 0, '', '', 'orphan')")

    async def tell(call: Callable[[], Any]) -> None:
        with pytest.raises(sqlite3.IntegrityError):
            await store.call(call)
        failed.append(call)

    async with async_ledger(ledger, turns) as store:
        async with anyio.create_task_group() as tasks:
            for call in (note(ledger, "before"), orphan, note(ledger, "behind")):
                tasks.start_soon(tell, call)
            await anyio.wait_all_tasks_blocked()
            turns.gate.set()
        await store.call(note(ledger, "later"))
    assert len(failed) == 3
    assert notes(path) == ["later"]


async def test_a_cancelled_caller_does_not_stop_the_others(ledger: Ledger, path: Path) -> None:
    """Its entry is written all the same: it was asked for, and somebody may rely on it."""
    turns = Turns()
    async with async_ledger(ledger, turns) as store, anyio.create_task_group() as others:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(store.call, note(ledger, "cancelled"))
            others.start_soon(store.call, note(ledger, "patient"))
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
        turns.gate.set()
    assert sorted(notes(path)) == ["cancelled", "patient"]


async def test_a_writer_that_is_stopped_leaves_nothing_unwritten(ledger: Ledger, path: Path) -> None:
    """Also what was asked for in the very moment that everything is cancelled."""
    store = AsyncLedger(ledger)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(store.call, note(ledger, "last moment"))
        await anyio.wait_all_tasks_blocked()
        store.stop()
        await store.write()
    assert notes(path) == ["last moment"]


async def test_what_is_asked_for_under_a_shield_is_written_whatever_is_cancelled(ledger: Ledger, path: Path) -> None:
    """A run in a group with others, one of which fails: the receipt of a submit on its way is not lost."""
    answered = anyio.Event()

    async def submit(store: AsyncLedger) -> None:
        with anyio.fail_after(20, shield=True):
            await answered.wait()
            await store.call(note(ledger, "a receipt"))

    async def one_run() -> None:
        async with async_ledger(ledger) as store, anyio.create_task_group() as tasks:
            tasks.start_soon(submit, store)

    async with anyio.create_task_group() as runs:
        runs.start_soon(one_run)
        await anyio.wait_all_tasks_blocked()
        runs.cancel_scope.cancel()
        answered.set()
    assert notes(path) == ["a receipt"]


async def test_reads_take_their_turn_behind_earlier_writes(ledger: Ledger) -> None:
    """What was asked for before is in what they see."""
    async with async_ledger(ledger, in_line) as store:
        await store.apply(1, states.claimed(1.0, None, 1))
        assert [work.row for work in await store.pending_rows(-1, 10)] == [2, 3]
        assert await store.submitted_rows() == []
        assert await store.call(lambda: 7) == 7


# A full disk

FULL = """
import resource, sys
from pathlib import Path
import anyio
from batch.ledger.async_ledger import async_ledger
from batch.ledger.ledger import Ledger

async def main():
    done = failed = 0
    with Ledger.open(Path(sys.argv[1])) as ledger:
        ledger.db.execute("PRAGMA wal_autocheckpoint = 0")
        resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, resource.RLIM_INFINITY))

        async def one(book, at):
            nonlocal done, failed
            try:
                await book.call(lambda: ledger.set_meta(f"{at:03}", "x" * 5000))
                print(f"{at:03}")
                done += 1
            except Exception as error:
                print(f"{type(error).__name__}: {error}", file=sys.stderr)
                failed += 1

        async with async_ledger(ledger) as book:
            for begin in range(0, 300, 10):
                async with anyio.create_task_group() as tasks:
                    for at in range(begin, begin + 10):
                        tasks.start_soon(one, book, at)
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            await one(book, 999)
    assert done + failed == 301, (done, failed)

anyio.run(main)
"""


def test_on_a_full_disk_callers_are_told_and_the_ledger_stays_whole(path: Path) -> None:
    """Exactly what was reported as written is there, and writing goes on once there is room."""
    pytest.importorskip("resource", reason="no limits on file sizes here")
    done = subprocess.run([sys.executable, "-c", FULL, path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.returncode, signal.SIGXFSZ, done.stderr[-500:])
    told = done.stdout.split()
    assert 10 < len(told) < 301
    assert told[-1] == "999"
    full = {"OperationalError: disk I/O error", "OperationalError: database or disk is full"}
    assert set(done.stderr.splitlines()) <= full
    with Ledger.open(path) as ledger:
        names = ledger.db.execute("SELECT name FROM meta WHERE name GLOB '[0-9]*' ORDER BY name")
        assert [name for (name,) in names] == sorted(told)
        assert ledger.db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
