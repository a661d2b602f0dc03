"""One open ledger: the only write of a row's state, claims, and the rows a run works on.

Synchronous and of one thread at a time; `batch.ledger.async_ledger` is its asynchronous face.
"""

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Self

from batch.core.gateway import Receipt
from batch.core.money import Budget, Cap, Money
from batch.core.paths import table_of
from batch.core.row import AskedInVain, PendingRow, SubmittedRow
from batch.core.states import RECALLING, State, Transition, again
from batch.core.store import BookLost, ClaimRefused, NotBooked, Purchase, PurchaseBook, RequestTaken
from batch.errors import LedgerError
from batch.files.permissions import make_like
from batch.job import Job
from batch.ledger import file as ledger_file
from batch.ledger.marks import Marks
from batch.ledger.take_counts import MADE, MISSING, SEVERAL
from batch.ledger.write_ahead_log import close_ledger

ENDPOINT = "(SELECT name FROM endpoint WHERE endpoint.id = row.endpoint_id)"
"""The endpoint that a row is for, in SQL."""
TAKEN = "fal gave it the id of another request of this table, so its own is not known"
LEDGER_ID = "ledger_id"
"""Where the ledger keeps the random id that the account's book knows it by."""
STOPPED_FOR = "stopped_for"
"""Where the ledger keeps the kind of failures that a run stopped for."""


UNBOOKED = "unbooked"
"""Where the ledger keeps that something may have been bought, or have ended, without the account's book."""


@contextmanager
def booking() -> Iterator[None]:
    """Around what is written into the account's book.

    Raises:
        BookLost: it cannot be.
    """
    try:
        yield
    except sqlite3.IntegrityError:  # a fault of ours
        raise
    except sqlite3.Error as error:
        raise BookLost(f"the account's book cannot be written any more ({error})") from error


class StateConflict(LedgerError):
    """A row was not in the state that a transition starts from: two writers, or a fault of ours. Nothing changed."""


class Ledger:
    """One open ledger."""

    def __init__(self, connection: sqlite3.Connection, path: Path | None, *, writes: bool = False) -> None:
        self.db = connection
        self.path = path
        self.marks = Marks(connection)
        self.book: PurchaseBook | None = None
        """The account's, where there is one: what is written here is in it first."""
        self.book_lost = ""
        """Why the account's book cannot be kept any more, where that is so: nothing is bought from then on."""
        self.shown = False
        """Whether the table shows its rows by now: without it, nobody would know that they are ours."""
        self._writes = writes

    @classmethod
    def open(cls, path: Path) -> Self:
        """Opens the ledger for writing, and makes it where there is none.

        Raises:
            LedgerError: damaged, no ledger, of a newer version, without its log, or of more than one name.
        """
        return cls(ledger_file.open_for_writing(path), path, writes=True)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Opens an existing ledger for reading, also while a run writes it; an empty one where there is none."""
        if not path.exists():
            return cls.in_memory()
        return cls(ledger_file.open_for_reading(path), path)

    @classmethod
    def scratch(cls, ledger: "Ledger") -> Self:
        """A copy to try things on: in a temporary file of SQLite's own, for it may not fit into memory."""
        copy = cls(ledger_file.connect(""), None)
        ledger.db.backup(copy.db)
        ledger_file.upgrade(copy.db)
        return copy

    @classmethod
    def copied(cls, ledger: "Ledger", path: Path) -> Self:
        """All of it in a file of its own."""
        make_like(path, table_of(path))
        copy = cls(ledger_file.connect(path.absolute().as_uri()), path)
        ledger.db.backup(copy.db)
        return copy

    @classmethod
    def in_memory(cls) -> Self:
        connection = ledger_file.connect("file::memory:")
        ledger_file.write_schema(connection)
        return cls(connection, None)

    def remove_unused(self) -> None:
        """Closes it and takes its file away, unless the table shows it, or something may have been submitted."""
        try:
            used = self.shown or self.was_run()
        except sqlite3.Error:  # nobody can tell
            return
        self.close()
        if self.path and not used:
            ledger_file.remove_new(self.path)

    def close(self) -> None:
        if self._writes and self.path:
            close_ledger(self.db, self.path, time.time())
        self.db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _type: object, error: BaseException | None, _trace: object) -> None:
        self.close()
        # Damage that opening it did not come across; a broken constraint, say, is a fault of ours and stays one.
        if self.path and isinstance(error, sqlite3.Error) and not isinstance(error, sqlite3.IntegrityError):
            raise ledger_file.unusable(self.path, error) from error

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
        """Waits for the disk: the account's book first, for it says what may have been bought."""
        if self.book:
            with booking():
                self.book.commit()
        try:
            self.db.execute("COMMIT")
        except sqlite3.Error:
            if self.book:
                self.book.unclaim()
            raise

    def undo(self) -> None:
        if self.book:
            self.book.undo()
        if self.db.in_transaction:  # SQLite has rolled back by itself where the disk is full
            self.db.execute("ROLLBACK")

    def lose_book(self, why: str) -> None:
        """It cannot be written any more; inside a transaction. What comes of purchases it is told by the next run."""
        self.book, self.book_lost = None, why
        self.set_meta(UNBOOKED, "1")

    def apply(self, row: int, transition: Transition) -> State:
        """The only write of a state. Inside a transaction; a row that is marked to be run again is taken up in it.

        Returns: the state that the row is in then: a row that is to have more takes is pending again once it has one.

        Raises:
            StateConflict: the row is not in `transition.old`.
            RequestTaken: the receipt's id is known as that of another request.
            BookLost: nothing was changed yet, and the whole transaction has to be undone.
        """
        if transition.old is State.PENDING:
            self._take_up(row, transition.at)
        if transition.receipt and self.book_lost:
            raise NotBooked(f"fal took it as {transition.receipt.request_id}, but {self.book_lost}")
        if transition.receipt:
            self.keep(row, transition.receipt, again=transition.old is State.IN_DOUBT)
        if self.book:
            with booking():
                if transition.receipt:
                    self.book.accept(self._purchase(row), transition.receipt)
                else:
                    self.book.note(row, transition)
        changes = {"state": transition.new, "changed_at": transition.at, **transition.changes}
        sets = [f"{column} = :{column}" for column in changes] + ["spent = spent + :cost"]
        if transition.step:
            sets += [f"attempts = attempts + {transition.step}", f"tries = tries + {transition.step}"]
        done = self.db.execute(
            f"UPDATE row SET {', '.join(sets)} WHERE id = :row AND state = :old",  # noqa: S608 - names of our own columns
            {**changes, "cost": transition.cost, "row": row, "old": transition.old},
        )
        if done.rowcount != 1:
            raise StateConflict(
                f"row {row} of the ledger is not {transition.old}: the move to {transition.new} was not made"
            )
        if transition.new is State.SUCCEEDED and self._is_to_have_more(row):
            return self.apply(row, again(State.SUCCEEDED, transition.at))
        return transition.new

    def _is_to_have_more(self, row: int) -> bool:
        """Not a row that the manifest no longer has, or has otherwise by now: that one is bought on a person's word."""
        found = self.db.execute(
            f"SELECT 1 FROM row JOIN sheet ON sheet.place = row.place WHERE row.id = ? AND {SEVERAL} "  # noqa: S608 - ours
            f"AND NOT edited AND problem IS NULL AND {MISSING} > 0",
            (row,),
        )
        return found.fetchone() is not None

    def _take_up(self, row: int, at: float) -> None:
        """With the inputs that the manifest gives now: a row whose video was made from other ones kept these."""
        if marked := self.marks.take(row):
            self.apply(row, again(marked.state, at))
            self.db.execute(
                "UPDATE row SET fingerprint = :fingerprint, arguments = :arguments, price = :price, "  # noqa: S608 - ours
                "endpoint_id = :endpoint, "
                f"takes_wanted = COALESCE(:wanted, takes_wanted), takes_asked = COALESCE({MADE} + :more, takes_asked) "
                "WHERE id = :row",
                {**marked._asdict(), "row": row},
            )
            self.db.execute("UPDATE sheet SET edited = 0 WHERE row = ?", (row,))

    def _purchase(self, row: int) -> Purchase:
        fingerprint, sent, *rest = self.db.execute(
            f"SELECT fingerprint, COALESCE(sent, arguments), price, intent_at, {self.endpoint} FROM row WHERE id = ?",  # noqa: S608 - ours
            (row,),
        ).fetchone()
        return Purchase(row, fingerprint, json.loads(sent), *rest)

    def keep(self, row: int, receipt: Receipt, *, again: bool = False) -> None:
        """The request is the row's for good. Inside a transaction.

        Args:
            again: it may have been the row's before, for inputs that it has again.
        """
        urls = [url.replace(receipt.request_id, "{id}") for url in _urls(receipt)]
        self.db.execute("INSERT OR IGNORE INTO route (status_url, response_url, cancel_url) VALUES (?, ?, ?)", urls)
        try:
            self.db.execute(
                "INSERT INTO request (request_id, row, route) SELECT ?, ?, id FROM route "
                "WHERE status_url = ? AND response_url = ? AND cancel_url = ?",
                (receipt.request_id, row, *urls),
            )
        except sqlite3.IntegrityError as error:
            owner = self.row_of(receipt.request_id)
            if owner is None:
                raise
            if owner == row and again:
                return
            raise RequestTaken(TAKEN) from error

    def claim(self, row: int, transition: Transition, budget: Budget) -> Cap | None:
        """Commits the intent of a POST, unless a cap, which is returned, has no room; in one transaction.

        Raises:
            ClaimRefused: nothing more may be bought.
        """
        if self.book_lost:
            raise ClaimRefused(self.book_lost)
        if reached := budget.reached(transition.changes["price"], self.money()):
            return reached
        if not self.book:
            self.apply(row, transition)
            return None
        self.db.execute("SAVEPOINT claim")
        self.apply(row, transition)
        with booking():
            claimed = self.book.claim(self._purchase(row))
        if not claimed:
            self.db.execute("ROLLBACK TO claim")
        self.db.execute("RELEASE claim")
        return None if claimed else Cap.ACCOUNT

    def money(self) -> Money:
        """What is spent and what is under way, over the ledger's whole life."""
        return Money(*self.db.execute("SELECT spent, under_way FROM money").fetchone())

    def pending_rows(self, after: int, limit: int) -> list[PendingRow]:
        """Rows to submit behind a place, in the manifest's order: those that are pending, and those that are marked."""
        if self.marks.only:
            return self.marks.rows(after, limit)
        found = self.db.execute(
            f"SELECT row.id, row.place, number, arguments, price, tries, {self.endpoint} "  # noqa: S608 - our own text
            "FROM row INDEXED BY row_claimable JOIN sheet ON sheet.place = row.place "
            "WHERE state = 'pending' AND row.place > ? ORDER BY row.place LIMIT ?",
            (after, limit),
        )
        pending = [
            PendingRow(row, place, number, json.loads(arguments), price, tries, endpoint)
            for row, place, number, arguments, price, tries, endpoint in found
        ]
        return sorted([*pending, *self.marks.rows(after, limit)], key=lambda row: row.place)[:limit]

    def pending_row(self, row: int) -> PendingRow | None:
        """A pending row, if the manifest still has it."""
        found = self.db.execute("SELECT place FROM row WHERE id = ? AND place IS NOT NULL", (row,)).fetchone()
        return (
            next((pending for pending in self.pending_rows(found[0] - 1, 1) if pending.row == row), None)
            if found
            else None
        )

    def submitted_rows(self) -> list[SubmittedRow]:
        """Every row whose request is at fal, also of rows that the manifest no longer has."""
        found = self.db.execute(
            "SELECT row.id, COALESCE(row.place, -1), number, row.request_id, status_url, response_url, cancel_url, "  # noqa: S608 - our own text
            f"{self.endpoint}, price, tries, submitted_at, arguments, {self.start_timeout}, message, {_IN_VAIN} "
            "FROM row JOIN request ON request.request_id = row.request_id JOIN route ON route.id = route "
            "LEFT JOIN sheet ON sheet.row = row.id WHERE state = 'submitted' ORDER BY submitted_at, row.id"
        )
        return [
            SubmittedRow(
                row,
                place,
                number,
                _receipt(request_id, *way),
                price,
                tries,
                at,
                json.loads(arguments),
                AskedInVain(message, runs, since) if runs and message != RECALLING else None,
                deadline,
                message == RECALLING,
            )
            for (
                *(row, place, number, request_id, *way, price, tries, at, arguments, deadline, message, runs, since),
            ) in found
        ]

    @property
    def endpoint(self) -> str:
        """A row's endpoint, in SQL; "" where the ledger does not say it: one that is only read may be older."""
        return ENDPOINT if self.version >= 8 else "''"

    def endpoint_of(self, row: int) -> str:
        """The endpoint that a row is for; "" where the ledger does not say it."""
        (found,) = self.db.execute(f"SELECT {self.endpoint} FROM row WHERE id = ?", (row,)).fetchone()  # noqa: S608 - ours
        return str(found)

    def endpoint_number(self, endpoint: str) -> int:
        """As the ledger numbers it, from now on where it did not know it."""
        self.db.execute("INSERT OR IGNORE INTO endpoint (name) VALUES (?)", (endpoint,))
        (number,) = self.db.execute("SELECT id FROM endpoint WHERE name = ?", (endpoint,)).fetchone()
        return int(number)

    def name_endpoint(self, endpoint: str) -> None:
        """Rows of which the ledger does not say it are for this one."""
        self.db.execute("UPDATE OR IGNORE endpoint SET name = ? WHERE name = ''", (endpoint,))
        self.db.execute(
            "UPDATE row SET endpoint_id = (SELECT id FROM endpoint WHERE name = ?) "
            "WHERE endpoint_id = (SELECT id FROM endpoint WHERE name = '')",
            (endpoint,),
        )

    @cached_property
    def version(self) -> int:
        """Of its schema: one that is only read may be of an older one."""
        (version,) = self.db.execute("PRAGMA user_version").fetchone()
        return int(version)

    @property
    def start_timeout(self) -> str:
        """The column of that name, as far as there is one."""
        return self.column("start_timeout", 4, "NULL")

    def column(self, name: str, since: int, before: str) -> str:
        """A column of `row`, or what stands for it in a ledger of a version before, which is only read."""
        return f"row.{name}" if self.version >= since else before

    def reprice(self, job: Job, prices: Mapping[str, int]) -> None:
        """Rows of a job that wait to be submitted take these prices, in millionths of a dollar by what decides them."""
        waiting = ["row SET price = :price WHERE state = 'pending'"]
        waiting += ["temp.marked AS row SET price = :price WHERE TRUE"] if self.marks.any else []
        with self.transaction():
            for value, price in prices.items():
                path, usual = price_path(job)
                values = {"price": price, "path": path, "default": usual, "value": value, "at": job.endpoint}
                for rows in waiting:
                    self.db.execute(
                        f"UPDATE {rows} AND price IS NOT :price AND {ENDPOINT} IN (:at, '') "
                        "AND COALESCE(CAST(json_extract(arguments, :path) AS TEXT), :default) = :value",
                        values,
                    )

    def row_of(self, request_id: str) -> int | None:
        """The row that a request of fal's belongs to."""
        found = self.db.execute("SELECT row FROM request WHERE request_id = ?", (request_id,)).fetchone()
        return found[0] if found else None

    def unfinished(self) -> int:
        """How many rows are at fal, or may be."""
        found = self.db.execute(
            "SELECT COUNT(*) FROM row WHERE state IN ('submitting', 'submitted', 'in_doubt')"
        ).fetchone()
        return int(found[0])

    def interrupted(self) -> list[int]:
        """Rows whose POST was under way when an earlier run ended: nobody knows whether it arrived."""
        return [row for (row,) in self.db.execute("SELECT id FROM row WHERE state = 'submitting'")]

    def was_run(self) -> bool:
        """Whether anything ever came of one of its rows: an intent, an answer, a person's word."""
        return self.db.execute("SELECT 1 FROM event LIMIT 1").fetchone() is not None

    def stopped_for(self) -> str:
        """See `AsyncLedger.stopped_for`."""
        return self.meta(STOPPED_FOR) or ""

    def meta(self, name: str) -> str | None:
        found = self.db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return found[0] if found else None

    def set_meta(self, name: str, value: str) -> None:
        self.db.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (name, value))


def price_path(job: Job) -> tuple[str, str]:
    """Where SQLite finds what decides the price of a row among its arguments, and what does where that is not there."""
    return f'$."{job.price_by}"', job.price_value({})


_IN_VAIN = ", ".join(
    f"(SELECT {one} FROM event WHERE event.row = row.id AND old = 'submitted' AND new = 'submitted' "  # noqa: S608 - the two below
    "AND at >= submitted_at AND detail = message)"
    for one in ("COUNT(*)", "MIN(at)")
)
"""In how many runs a row's request was asked after in vain with the same answer as last time, and since when."""


def _urls(receipt: Receipt) -> tuple[str, str, str]:
    return receipt.status_url, receipt.response_url, receipt.cancel_url


def _receipt(request_id: str, status_url: str, response_url: str, cancel_url: str, endpoint: str) -> Receipt:
    status, response, cancel = (url.replace("{id}", request_id) for url in (status_url, response_url, cancel_url))
    return Receipt(request_id, status, response, cancel, endpoint)
