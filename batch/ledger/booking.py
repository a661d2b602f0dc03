"""Reads what the account's book has to know of a ledger, and what of the book's a ledger lacks."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from batch.core.states import BOUGHT_BEFORE, State
from batch.core.store import Purchase
from batch.errors import LedgerError
from batch.ledger.ledger import LEDGER_ID, Ledger


class BookedRow(NamedTuple):
    """Where a row stands that the book speaks of."""

    state: State
    fingerprint: bytes
    request_id: str | None
    price: int | None


class PastPurchase(NamedTuple):
    """A purchase that a ledger knows; `cost`, in millionths of a dollar, is None while it is under way."""

    purchase: Purchase
    request_id: str | None
    cost: int | None
    video: bool


def booked_row(ledger: Ledger, row: int) -> BookedRow | None:
    """Where a row stands; None: there is no such row."""
    found = ledger.db.execute("SELECT state, fingerprint, request_id, price FROM row WHERE id = ?", (row,)).fetchone()
    return BookedRow(State(found[0]), *found[1:]) if found else None


def row_number(ledger: Ledger, row: int) -> int | None:
    """The row as the spreadsheet numbers it."""
    found = ledger.db.execute("SELECT number FROM sheet WHERE row = ?", (row,)).fetchone()
    return found[0] if found else None


def past_purchases(ledger: Ledger) -> Iterator[PastPurchase]:
    """Every request that the ledger has, and every row in doubt that has none."""
    requests = ledger.db.execute(
        "SELECT row.id, fingerprint, COALESCE(row.sent, arguments), price, COALESCE(intent_at, 0), state, spent, "
        "request.request_id, request.request_id IS row.request_id FROM request JOIN row ON row.id = request.row"
    )
    for row, fingerprint, sent, price, at, state, spent, request_id, current in requests:
        under_way = current and state == State.SUBMITTED
        cost = None if under_way else spent if current else 0
        bought = Purchase(row, fingerprint if current else b"", json.loads(sent), price, at)
        yield PastPurchase(bought, request_id, cost, bool(current and state == State.SUCCEEDED))
    for row, fingerprint, sent, price, at in _in_doubt(ledger):
        yield PastPurchase(Purchase(row, fingerprint, json.loads(sent), price, at), None, None, video=False)


def _in_doubt(ledger: Ledger) -> list[tuple[int, bytes, str, int | None, float]]:
    return ledger.db.execute(
        "SELECT id, fingerprint, COALESCE(sent, arguments), price, intent_at FROM row "
        "WHERE state IN ('submitting', 'in_doubt') AND kind IS NOT ?",
        (BOUGHT_BEFORE,),
    ).fetchall()


def doubts(ledger: Ledger) -> list[tuple[int, float]]:
    """The rows in doubt, each with the time of its intent."""
    return [(row, at) for row, _, _, _, at in _in_doubt(ledger)]


def request_ids(ledger: Ledger) -> set[str]:
    """Every id that the ledger ever had."""
    return {name for (name,) in ledger.db.execute("SELECT request_id FROM request")}


def wanted(ledger: Ledger) -> dict[int, bytes]:
    """The fingerprint of each row about to be bought, in the manifest's order."""
    found = ledger.db.execute(
        "SELECT id, fingerprint FROM row WHERE state = 'pending' AND place IS NOT NULL ORDER BY place"
    ).fetchall()
    if ledger.marks.any:
        found += ledger.db.execute("SELECT row, fingerprint FROM temp.marked ORDER BY place").fetchall()
    return dict(found)


def ledger_id_at(path: Path) -> str:
    """The id of the ledger that stands there; empty where there is none that can be read."""
    if path.exists():
        with suppress(LedgerError), Ledger.read(path) as other:  # of a newer version, or damaged: not the one meant
            return other.meta(LEDGER_ID) or ""
    return ""
