"""The ledger: SQLite beside the manifest, durable at every commit, refused to a second run.

Synchronous and of one thread at a time; `batch.journal` is its asynchronous face.
"""

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Self

from batch.budget import Budget, Money
from batch.errors import LedgerBusy, LedgerError
from batch.job import Arguments, encoded
from batch.states import EDGES, Move, Receipt

__all__ = ["Flight", "Ledger", "StateConflict", "Work", "encoded", "locked"]

VERSION = 2
_APPLICATION_ID = 0x6B6C6E67  # "klng": tells a ledger from any other SQLite file


class StateConflict(LedgerError):
    """A row was not in the state that a move starts from: two writers, or a fault of ours. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class Work:
    """A row to submit. `number` is the row as the spreadsheet numbers it."""

    row: int
    place: int
    number: int
    arguments: Arguments
    price: int | None
    tries: int


@dataclass(frozen=True, slots=True)
class Flight:
    """A row whose request is at fal."""

    row: int
    place: int
    """-1 where the manifest no longer has the row, or not so that it could be sent again."""
    number: int | None
    receipt: Receipt
    price: int | None
    tries: int
    submitted_at: float
    arguments: Arguments


class Ledger:
    """One open ledger."""

    def __init__(self, connection: sqlite3.Connection, path: Path | None) -> None:
        self.db = connection
        self.path = path

    @classmethod
    def open(cls, path: Path) -> Self:
        """Opens the ledger for writing, and makes it where there is none.

        Raises:
            LedgerError: damaged, no ledger, or of a newer version.
        """
        with _readable_errors(path):
            if not path.exists():
                _make(path)
            ledger = cls(_connect_existing(path, "rw"), path)
            with _closed_on_error(ledger.db):
                ledger._check_whole()
                ledger._upgrade()
                ledger.db.execute("PRAGMA journal_mode = WAL")
        return ledger

    @classmethod
    def read(cls, path: Path) -> Self:
        """Opens an existing ledger for reading, also while a run writes it; an empty one where there is none."""
        if not path.exists():
            return cls.in_memory()
        with _readable_errors(path):
            ledger = cls(_connect_for_reading(path), path)
            with _closed_on_error(ledger.db):
                ledger._check_version()
        return ledger

    @classmethod
    def scratch(cls, ledger: "Ledger") -> Self:
        """A copy to try things on: in a temporary file of SQLite's own, for it may not fit into memory."""
        copy = cls(_connect(""), None)
        ledger.db.backup(copy.db)
        return copy

    @classmethod
    def in_memory(cls) -> Self:
        connection = _connect("file::memory:")
        _write_schema(connection)
        return cls(connection, None)

    def close(self) -> None:
        with suppress(sqlite3.Error):  # somebody reads it, or it is only read here: the log stays beside it
            self.db.execute("PRAGMA journal_mode = DELETE")
        self.db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _type: object, error: BaseException | None, _trace: object) -> None:
        self.close()
        # Damage that opening it did not come across; a broken constraint, say, is a fault of ours and stays one.
        if self.path and isinstance(error, sqlite3.Error) and not isinstance(error, sqlite3.IntegrityError):
            raise _unusable(self.path, error) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it is on disk when the block ends, or none of it."""
        self.begin()
        try:
            yield
            self.commit()
        except BaseException:
            self.undo()
            raise

    def begin(self) -> None:
        self.db.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Waits for the disk."""
        self.db.execute("COMMIT")

    def undo(self) -> None:
        if self.db.in_transaction:  # SQLite has rolled back by itself where the disk is full
            self.db.execute("ROLLBACK")

    def apply(self, row: int, move: Move) -> None:
        """The only write of a state. Inside a transaction.

        Raises:
            StateConflict: the row is not in `move.old`.
        """
        if move.receipt:
            self._keep(row, move.receipt)
        changes = {"state": move.new, "changed_at": move.at, **move.changes}
        sets = [f"{column} = :{column}" for column in changes] + ["spent = spent + :cost"]
        if move.step:
            sets += [f"attempts = attempts + {move.step}", f"tries = tries + {move.step}"]
        done = self.db.execute(
            f"UPDATE row SET {', '.join(sets)} WHERE id = :row AND state = :old",  # noqa: S608 - names of our own columns
            {**changes, "cost": move.cost, "row": row, "old": move.old},
        )
        if done.rowcount != 1:
            raise StateConflict(f"row {row} of the ledger is not {move.old}: the move to {move.new} was not made")

    def _keep(self, row: int, receipt: Receipt) -> None:
        urls = [url.replace(receipt.request_id, "{id}") for url in _urls(receipt)]
        self.db.execute("INSERT OR IGNORE INTO route (status_url, response_url, cancel_url) VALUES (?, ?, ?)", urls)
        self.db.execute(
            "INSERT INTO request (request_id, row, route) SELECT ?, ?, id FROM route "
            "WHERE status_url = ? AND response_url = ? AND cancel_url = ?",
            (receipt.request_id, row, *urls),
        )

    def claim(self, row: int, move: Move, budget: Budget) -> bool:
        """Commits the intent of a POST, unless the budget has no room for it; decided in one transaction."""
        if not budget.allows(move.changes["price"], self.money()):
            return False
        self.apply(row, move)
        return True

    def money(self) -> Money:
        """What is spent and what is under way, over the ledger's whole life."""
        return Money(*self.db.execute("SELECT spent, under_way FROM money").fetchone())

    def claimable(self, after: int, limit: int) -> list[Work]:
        """Pending rows of the manifest behind a place, in the manifest's order."""
        found = self.db.execute(
            "SELECT row.id, row.place, number, arguments, price, tries FROM row INDEXED BY row_claimable "
            "JOIN sheet ON sheet.place = row.place "
            "WHERE state = 'pending' AND row.place > ? ORDER BY row.place LIMIT ?",
            (after, limit),
        )
        return [
            Work(row, place, number, json.loads(arguments), price, tries)
            for row, place, number, arguments, price, tries in found
        ]

    def work(self, row: int) -> Work | None:
        """A pending row, if the manifest still has it."""
        found = self.db.execute("SELECT place FROM row WHERE id = ? AND place IS NOT NULL", (row,)).fetchone()
        return next((work for work in self.claimable(found[0] - 1, 1) if work.row == row), None) if found else None

    def flights(self) -> list[Flight]:
        """Every row whose request is at fal, also of rows that the manifest no longer has."""
        found = self.db.execute(
            "SELECT row.id, COALESCE(row.place, -1), number, row.request_id, status_url, response_url, cancel_url, "
            "price, tries, submitted_at, arguments "
            "FROM row JOIN request ON request.request_id = row.request_id JOIN route ON route.id = route "
            "LEFT JOIN sheet ON sheet.row = row.id WHERE state = 'submitted' ORDER BY submitted_at, row.id"
        )
        return [
            Flight(row, place, number, _receipt(request_id, urls), price, tries, at, json.loads(arguments))
            for row, place, number, request_id, *urls, price, tries, at, arguments in found
        ]

    def interrupted(self) -> list[int]:
        """Rows whose POST was under way when an earlier run ended: nobody knows whether it arrived."""
        return [row for (row,) in self.db.execute("SELECT id FROM row WHERE state = 'submitting'")]

    def meta(self, name: str) -> str | None:
        found = self.db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return found[0] if found else None

    def set_meta(self, name: str, value: str) -> None:
        self.db.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (name, value))

    def _check_version(self) -> None:
        (application,) = self.db.execute("PRAGMA application_id").fetchone()
        (version,) = self.db.execute("PRAGMA user_version").fetchone()
        if application != _APPLICATION_ID:
            raise LedgerError(
                f"{self.path} is not a ledger of kling-batch, or it was cut off: put a copy of it back; delete it "
                "only if nothing was ever run from this table"
            )
        if version > VERSION:
            raise LedgerError(f"{self.path} was written by a newer kling-batch (ledger version {version}): update it")

    def _upgrade(self) -> None:
        """A ledger of the first version loses what is not kept any more, and gets the indexes of today."""
        if self.db.execute("PRAGMA user_version").fetchone() == (1,):
            upgrade = files("batch").joinpath("ledger_2.sql").read_text(encoding="utf-8")
            try:
                self.db.executescript(f"BEGIN IMMEDIATE; {upgrade} PRAGMA user_version = 2; COMMIT;")
            except BaseException:
                self.undo()
                raise

    def _check_whole(self) -> None:
        self._check_version()
        found = [line for (line,) in self.db.execute("PRAGMA quick_check(1)")]
        if found != ["ok"]:
            raise sqlite3.DatabaseError(" ".join(found[0].split()))


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds the ledger for one process; the lock dies with it.

    Raises:
        LedgerBusy: another process holds it.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(f"{path}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise LedgerBusy(
            f"another run is at work on {path.name.removesuffix('.ledger')}: this one does nothing"
        ) from error
    except OSError as error:
        raise LedgerError(f"cannot write beside the table: {path}.lock: {error.strerror or error}") from error
    try:
        yield
    finally:
        lock.release()


def _urls(receipt: Receipt) -> tuple[str, str, str]:
    return receipt.status_url, receipt.response_url, receipt.cancel_url


def _receipt(request_id: str, routes: Sequence[str]) -> Receipt:
    return Receipt(request_id, *(route.replace("{id}", request_id) for route in routes))


def _connect(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=30.0, check_same_thread=False)
    with _closed_on_error(connection):
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _connect_existing(path: Path, mode: str) -> sqlite3.Connection:
    """Never of 0 bytes: SQLite would take it for a new database, and throw away what still stands in its log."""
    if not path.stat().st_size:
        raise LedgerError(
            f"{path} is not a ledger of kling-batch, or it was cut off (0 bytes): put a copy of it back; delete it "
            "only if nothing was ever run from this table"
        )
    return _connect(f"{path.absolute().as_uri()}?mode={mode}")


def _connect_for_reading(path: Path) -> sqlite3.Connection:
    try:
        return _connect_existing(path, "ro")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_READONLY_ROLLBACK:
            raise
    # A run was killed while it closed the ledger: opening it for writing takes back what was half written.
    _connect_existing(path, "rw").close()
    return _connect_existing(path, "ro")


@contextmanager
def _closed_on_error(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise


def _make(path: Path) -> None:
    """Whole or not at all: an empty ledger that is found is a damaged one, never a new one."""
    log = path.with_name(path.name + "-wal")
    if log.exists() and log.stat().st_size:  # it would be read into the new ledger
        raise LedgerError(
            f"{path} is missing, but its log {log.name} is there: put the ledger back beside it; delete the log only "
            "if nothing was ever run from this table"
        )
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    connection = _connect(fresh.absolute().as_uri())
    try:
        _write_schema(connection)
    finally:
        connection.close()
    fresh.rename(path)
    _sync_folder(path.parent)


def _write_schema(connection: sqlite3.Connection) -> None:
    schema = files("batch").joinpath("ledger.sql").read_text(encoding="utf-8")
    connection.executescript(f"BEGIN; {schema} COMMIT;")
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO edge (old, new) VALUES (?, ?)", sorted(EDGES))
    connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return  # Windows cannot open a folder; its rename is durable by itself
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _readable_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.DatabaseError, OSError, UnicodeDecodeError) as error:  # the last: damage in the text of the schema
        raise _unusable(path, error) from error


def _unusable(path: Path, error: Exception) -> LedgerError:
    return LedgerError(
        f"the ledger {path} cannot be used ({error}): it may be damaged, or on a full or read-only disk. "
        "Nothing was submitted. Put a copy of it back; without it nobody knows what was paid for"
    )
