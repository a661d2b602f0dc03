"""Reads what the account's book has to know of a ledger, and what of the book's a ledger lacks."""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from batch.core.states import BOUGHT_BEFORE, State
from batch.core.store import Purchase
from batch.errors import LedgerError
from batch.ledger.in_doubt import BY_POST, SENT
from batch.ledger.ledger import ENDPOINT, LEDGER_ID, Ledger

_OPEN = f"state IN ('submitting', 'in_doubt') AND kind IS NOT '{BOUGHT_BEFORE}'"


PLACE = "book_place"
"""Where the ledger keeps at which place the account's book has it."""


def was_moved(ledger: Ledger) -> bool:
    """Whether the account's book may have it at another place than it stands at."""
    return bool(ledger.meta(LEDGER_ID)) and ledger.meta(PLACE) != place_of(ledger)


def place_of(ledger: Ledger) -> str:
    """Its path, fit for a database whatever its letters are."""
    return os.fsencode((ledger.path or Path()).resolve()).decode("utf-8", "backslashreplace")


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
    dated: bool = True
    """Its intent was written when its POST left: it tells how the clocks of ours and fal's went then."""


def booked_row(ledger: Ledger, row: int) -> BookedRow | None:
    """Where a row stands; None: there is no such row."""
    found = ledger.db.execute("SELECT state, fingerprint, request_id, price FROM row WHERE id = ?", (row,)).fetchone()
    return BookedRow(State(found[0]), *found[1:]) if found else None


def row_number(ledger: Ledger, row: int) -> int | None:
    """The row as the spreadsheet numbers it."""
    found = ledger.db.execute("SELECT number FROM sheet WHERE row = ?", (row,)).fetchone()
    return found[0] if found else None


def past_purchases(ledger: Ledger) -> Iterator[PastPurchase]:
    """Every request that the ledger has, and every row in doubt that has none, in the order of their intents."""
    requests = ledger.db.execute(
        "SELECT row.id, row.fingerprint, COALESCE(row.sent, arguments), price, COALESCE(intent_at, 0), state, spent, "  # noqa: S608 - our own text
        f"request.request_id, request.request_id IS row.request_id, {BY_POST}, take.cost, "
        "(SELECT COALESCE(SUM(cost), 0) FROM take AS other WHERE other.row = row.id "
        "AND other.request_id <> request.request_id), "
        f"{ENDPOINT}, sent.seq AS place FROM request JOIN row ON row.id = request.row "
        f"LEFT JOIN event AS sent ON sent.seq = {SENT} "
        "LEFT JOIN take ON take.request_id = request.request_id "
        "UNION ALL SELECT id, fingerprint, COALESCE(row.sent, arguments), price, intent_at, state, 0, NULL, TRUE, "
        f"TRUE, NULL, 0, {ENDPOINT}, {SENT} FROM row WHERE {_OPEN} ORDER BY place"
    )
    for (
        row,
        fingerprint,
        sent,
        price,
        at,
        state,
        spent,
        request_id,
        current,
        by_post,
        of_take,
        others,
        endpoint,
        _,
    ) in requests:
        under_way = request_id is None or (current and state == State.SUBMITTED)
        cost = None if under_way else max(0, spent - others) if current else of_take or 0
        bought = Purchase(row, fingerprint if current else b"", json.loads(sent), price, at, endpoint)
        video = bool(current and state == State.SUCCEEDED)
        yield PastPurchase(bought, request_id, cost, video, dated=bool(current and by_post))


def doubts(ledger: Ledger) -> list[tuple[int, float]]:
    """The rows in doubt, each with the time of its intent."""
    return ledger.db.execute(f"SELECT id, intent_at FROM row WHERE {_OPEN}").fetchall()  # noqa: S608 - our own text


def request_ids(ledger: Ledger) -> set[str]:
    """Every id that the ledger ever had."""
    return {name for (name,) in ledger.db.execute("SELECT request_id FROM request")}


def wanted(ledger: Ledger) -> dict[int, bytes]:
    """The fingerprint of each row about to be bought, in the manifest's order."""
    found = (
        []
        if ledger.marks.only
        else ledger.db.execute(
            "SELECT id, fingerprint FROM row WHERE state = 'pending' AND place IS NOT NULL ORDER BY place"
        ).fetchall()
    )
    if ledger.marks.any:
        found += ledger.db.execute("SELECT row, fingerprint FROM temp.marked ORDER BY place").fetchall()
    return dict(found)


def ledger_id_at(path: Path) -> str:
    """The id of the ledger that stands there; empty where there is none that can be read."""
    if path.exists():
        with suppress(LedgerError), Ledger.read(path) as other:  # of a newer version, or damaged: not the one meant
            return other.meta(LEDGER_ID) or ""
    return ""
