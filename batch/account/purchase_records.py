"""Finds purchases in the book, by their inputs or by whose they are, and takes in what it lacks."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Set
from typing import Any, NamedTuple

from batch.account.book import AccountBook
from batch.account.witnesses import NOBODYS
from batch.core.store import Purchase


class BoughtBefore(NamedTuple):
    """A purchase of the book, and which ledger bought it. Money is in millionths of a dollar."""

    seq: int
    ledger: int
    row: int
    """Of that ledger; negative: of none."""
    fingerprint: bytes
    price: int | None
    intent_at: float
    state: str
    request_id: str | None


_SELECT = f"SELECT {', '.join(BoughtBefore._fields)} FROM"


def bought(book: AccountBook, fingerprints: Iterable[bytes]) -> list[BoughtBefore]:
    """Purchases of these inputs that have a video, or may have one; the oldest first."""
    book.db.execute("CREATE TEMP TABLE IF NOT EXISTS wanted (fingerprint BLOB PRIMARY KEY) WITHOUT ROWID")
    book.db.execute("DELETE FROM temp.wanted")
    book.db.executemany("INSERT OR IGNORE INTO temp.wanted VALUES (?)", ((one,) for one in fingerprints))
    return _found(
        book,
        f"{_SELECT} temp.wanted CROSS JOIN purchase USING (fingerprint) "
        "WHERE (state IN ('open', 'accepted') OR video) AND NOT aside ORDER BY seq",
    )


def purchases_of(book: AccountBook, request_ids: Iterable[str]) -> list[BoughtBefore]:
    """The purchases with these ids."""
    asked = json.dumps(list(request_ids))
    with_these_ids = f"{_SELECT} purchase WHERE request_id IN (SELECT value FROM json_each(?))"  # noqa: S608 - ours
    return _found(book, with_these_ids, asked)


def own_purchases(book: AccountBook) -> list[BoughtBefore]:
    """Those of this ledger that are open or accepted."""
    unended = f"{_SELECT} purchase WHERE ledger = ? AND state IN ('open', 'accepted') ORDER BY seq"
    return _found(book, unended, book.ledger)


def last_purchase(book: AccountBook, row: int, intent_at: float) -> BoughtBefore | None:
    """The purchase of a row of this ledger with an intent of that time, however it ended."""
    of_that_time = f"{_SELECT} purchase WHERE ledger = ? AND row = ? AND intent_at = ? ORDER BY seq DESC LIMIT 1"
    return next(iter(_found(book, of_that_time, book.ledger, row, intent_at)), None)


def _found(book: AccountBook, statement: str, *values: Any) -> list[BoughtBefore]:
    return [BoughtBefore(*one) for one in book.db.execute(statement, values)]


def let_go(book: AccountBook, purchase: BoughtBefore) -> None:
    """Its row asks for something else by now, or is not there: from here on only the book knows it."""
    book.begin()
    book.db.execute("UPDATE purchase SET row = -seq WHERE seq = ?", (purchase.seq,))


def take_open(book: AccountBook, purchase: BoughtBefore, row: int) -> None:
    """The open purchase of a ledger that is gone becomes the row's, which has none."""
    book.begin()
    book.db.execute("UPDATE purchase SET ledger = ?, row = ? WHERE seq = ?", (book.ledger, row, purchase.seq))


def put_aside(book: AccountBook, purchases: Iterable[BoughtBefore]) -> None:
    """A person has said to buy again: they are offered no more."""
    book.begin()
    book.db.executemany("UPDATE purchase SET aside = 1 WHERE seq = ?", [(one.seq,) for one in purchases])


def import_purchase(
    book: AccountBook,
    purchase: Purchase,
    request_id: str | None,
    cost: int | None,
    dead: Set[int],
    *,
    video: bool,
    dated: bool = True,
) -> None:
    """A purchase that the ledger knows, made without this book, or forgotten by it; with a cost it has ended.

    Args:
        dead: ledgers that are gone: what they bought is this one's, where it knows the request.
        dated: its intent was written when its POST left.
    """
    book.begin()
    row, fingerprint, sent, price, intent_at, endpoint = purchase
    equality = book.equality_at(endpoint)
    values = {
        "ledger": book.ledger,
        "row": row,
        "cost": cost or 0,
        "video": video,
        "id": request_id,
        "fingerprint": fingerprint,
        "sent": equality.digest(sent),
        "price": price,
        "at": intent_at,
        "endpoint": equality.endpoint_digest,
        "order_of": book.ledger if dated else NOBODYS,
        "state": "ended" if cost is not None else "accepted" if request_id else "open",
    }
    if request_id and (owner := next(_owners(book, request_id), None)):
        seq, ledger, state = owner
        if ledger in dead or (ledger == book.ledger and state == "accepted"):
            book.db.execute(f"UPDATE OR IGNORE purchase SET {_OWNED} WHERE seq = :seq", {**values, "seq": seq})  # noqa: S608 - ours
    elif not _completed(book.db, values):
        book.db.execute(
            "INSERT OR IGNORE INTO purchase (ledger, row, fingerprint, sent, price, intent_at, state, request_id, "
            "cost, video, endpoint, order_of) VALUES (:ledger, :row, :fingerprint, :sent, :price, :at, :state, :id, "
            ":cost, :video, :endpoint, :order_of)",
            values,
        )


_OWNED = "ledger = :ledger, row = :row, state = :state, cost = :cost, video = :video"


def _owners(book: AccountBook, request_id: str) -> Iterator[tuple[int, int, str]]:
    yield from book.db.execute("SELECT seq, ledger, state FROM purchase WHERE request_id = ?", (request_id,))


def _completed(db: sqlite3.Connection, values: dict[str, Any]) -> bool:
    """Whether the book has the intent of the purchase already: then it lacked no more than what came of it."""
    of_that_intent = "ledger = :ledger AND row = :row AND intent_at = :at"
    if values["id"] is None:
        return bool(db.execute(f"SELECT 1 FROM purchase WHERE {of_that_intent}", values).fetchone())  # noqa: S608 - ours
    done = db.execute(
        f"UPDATE purchase SET {_OWNED}, request_id = :id WHERE {of_that_intent} AND state = 'open'",  # noqa: S608 - ours
        values,
    )
    return done.rowcount > 0
