"""The account's book is lost under a run: nothing more is bought, and what is under way is brought home."""

import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from batch.account.book_file import book_path, open_book_file
from batch.account.machines import Machine
from batch.commands import account_book, known_purchases  # noqa: F401 - loaded, so that it can be changed
from batch.commands.batch import Batch
from batch.core.money import AccountCap
from batch.core.run_options import RunOptions
from batch.core.states import Status
from batch.errors import Exit, LedgerLost, UsageError
from batch.files import file_systems
from batch.ledger.ledger import UNBOOKED, Ledger
from tests.support.runs import a_service, run_through
from tests.support.sheets import batch
from tests.support.simulated import EPOCH

KEY = "an-id:a-secret"
ROWS = 6


class Book:
    """The connection that a run has to the book, for what a test does to it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FAL_KEY", KEY)
        monkeypatch.setattr("batch.commands.account_book.open_book_file", self.open)
        self.connections: list[sqlite3.Connection] = []

    def open(self, path: Path) -> sqlite3.Connection:
        self.connections.append(open_book_file(path))
        return self.connections[-1]

    def refuse(self) -> None:
        """Every write fails, as on a disk that is full."""
        self.connections[-1].execute("PRAGMA query_only = ON")

    def remove(self) -> None:
        book_path(KEY).unlink()

    def replace(self) -> None:
        """By a copy, as a backup puts it back."""
        content = book_path(KEY).read_bytes()
        book_path(KEY).unlink()
        book_path(KEY).write_bytes(content)


@pytest.fixture
def book(monkeypatch: pytest.MonkeyPatch) -> Book:
    return Book(monkeypatch)


@pytest.fixture
def shots(tmp_path: Path) -> Batch:
    return batch(tmp_path, "prompt,image\n" + "".join(f"shot {n},https://x.y/{n}\n" for n in range(ROWS)))


def at_post(nth: int, do: Callable[[], Any]) -> Callable[[int], str | None]:
    """Does it while the nth POST is on its way."""

    def on_submit(n: int) -> str | None:
        if n == nth:
            do()
        return None

    return on_submit


def test_a_book_that_cannot_be_written_any_more_ends_the_buying_and_not_the_run(book: Book, shots: Batch) -> None:
    """The id of the POST on its way cannot be told to the others: its row is in doubt, and found later."""
    service = a_service(on_submit=at_post(3, book.refuse))
    lost = run_through(shots, service, RunOptions(concurrency=1))
    assert lost.exit_code is Exit.IN_DOUBT
    assert "stopped submitting: the account's book cannot be written any more" in (lost.stopped or "")
    assert (lost.standing.count(Status.SUCCEEDED), lost.standing.in_doubt, lost.standing.to_run) == (2, 1, 3)
    with Ledger.read(shots.ledger) as ledger:
        (message,) = ledger.db.execute("SELECT message FROM row WHERE state = 'in_doubt'").fetchone()
        assert service.queue.requests[-1].id in message
        assert ledger.meta(UNBOOKED)
    service.on_submit = lambda _: None
    again = run_through(shots, service)
    assert (again.exit_code, len(service.queue.requests)) == (Exit.DONE, ROWS)
    with sqlite3.connect(book_path(KEY)) as db:
        assert db.execute("SELECT state, COUNT(*) FROM purchase GROUP BY 1").fetchall() == [("ended", ROWS)]


@pytest.mark.parametrize("nth", range(1, ROWS + 1))
def test_wherever_the_book_is_lost_nothing_is_bought_twice(nth: int, book: Book, shots: Batch) -> None:
    """One row at a time, or several: the runs after it bring all home."""
    service = a_service(on_submit=at_post(nth, book.refuse))
    run_through(shots, service, RunOptions(concurrency=1 + nth % 3))
    assert len(service.queue.requests) == nth
    service.on_submit = lambda _: None
    assert run_through(shots, service).exit_code is Exit.DONE
    assert len(service.queue.requests) == ROWS


@pytest.mark.parametrize("how", ["remove", "replace"])
def test_a_book_that_is_removed_or_put_back_under_a_run_ends_the_buying(how: str, book: Book, shots: Batch) -> None:
    """Others begin a new one, or go by the old one: what this run writes is seen by nobody."""
    service = a_service(on_submit=at_post(2, getattr(book, how)))
    lost = run_through(shots, service, RunOptions(concurrency=1))
    assert lost.exit_code is Exit.STOPPED_EARLY
    assert "was removed, moved or put back under this run" in (lost.stopped or "")
    assert (lost.standing.count(Status.SUCCEEDED), lost.standing.to_run) == (2, 4)
    assert run_through(shots, service).exit_code is Exit.DONE
    assert len(service.queue.requests) == ROWS


@pytest.mark.parametrize("name", ["settle_known_purchases", "_begin"])
def test_a_run_that_fails_over_the_book_names_the_book(
    name: str, book: Book, shots: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the ledger beside it, which is well: whoever makes room on the wrong disk has to be told twice."""
    module = "batch.commands.known_purchases" if name == "settle_known_purchases" else "batch.commands.account_book"
    really = getattr(sys.modules[module], name)

    def refused(*given: Any, **more: Any) -> Any:
        book.refuse()
        return really(*given, **more)

    monkeypatch.setattr(f"{module}.{name}", refused)
    service = a_service()
    with pytest.raises(LedgerLost) as told:
        run_through(shots, service)
    assert f"the account's book {book_path(KEY)} cannot be written" in str(told.value)
    assert str(shots.ledger) not in str(told.value)
    assert service.asked["submit"] == 0


def test_a_run_that_fails_over_its_ledger_names_the_ledger(
    book: Book, shots: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the two are brought together, as it begins."""
    really = account_book._begin

    def refused(batch: Batch, ledger: Ledger, *given: Any, **more: Any) -> Any:
        ledger.db.execute("PRAGMA query_only = ON")
        return really(batch, ledger, *given, **more)

    monkeypatch.setattr(account_book, "_begin", refused)
    with pytest.raises(LedgerLost, match=f"the ledger {shots.ledger} cannot be written any more"):
        run_through(shots, a_service())


@pytest.mark.parametrize("how", ["network", "machine"])
def test_a_book_that_other_machines_may_write_is_not_used_and_that_is_said(
    how: str, book: Book, shots: Batch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run goes by its own ledger and fal's history; a cap on the account cannot be kept then."""
    service = a_service()
    run_through(shots, service, RunOptions(limit=1))
    if how == "network":
        mounts = tmp_path / "mountinfo"
        mounts.write_text(
            f"1 0 0:1 / / rw - ext4 /dev/vda rw\n2 1 0:2 / {book_path(KEY).parent} rw - nfs4 there:/ rw\n"
        )
        monkeypatch.setattr(file_systems, "MOUNTS", mounts)
        said_of = "would stand on a network file system (nfs4: "
    else:
        with closing(sqlite3.connect(book_path(KEY))) as db, db:
            db.execute("INSERT OR REPLACE INTO meta VALUES ('machine', ?)", (f"another {EPOCH}",))
        monkeypatch.setattr(account_book, "this_machine", lambda: Machine("this", EPOCH - 1))
        said_of = "another machine writes into the account's book"
    said: list[str] = []
    assert run_through(shots, service, RunOptions(limit=2), say=said.append).exit_code is Exit.STOPPED_EARLY
    (line,) = [one for one in said if said_of in one]
    assert "set XDG_STATE_HOME to a folder" in line
    assert "this run goes by its own ledger and fal's history" in line
    assert service.asked["submit"] == 3
    with pytest.raises(UsageError, match="--max-spend-account cannot be kept"):
        run_through(shots, service, RunOptions(max_spend_account=AccountCap(10**9, "day")))
    assert service.asked["submit"] == 3


def test_a_table_on_a_network_file_system_is_run_and_that_is_said(
    shots: Batch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is bought."""
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"2 1 0:2 / {tmp_path} rw - cifs //there/x rw\n")
    monkeypatch.setattr(file_systems, "MOUNTS", mounts)
    monkeypatch.delenv("FAL_KEY", raising=False)
    said: list[str] = []
    assert run_through(shots, a_service(), say=said.append).exit_code is Exit.DONE
    assert [one for one in said if "is on a network file system (cifs): run it" in one]
