"""Tells which requests the book knows, and in which order: what fal's history is held against."""

import json
import sqlite3
from collections.abc import Iterable

from batch.core.row import KnownRequest

NOBODYS = 0
"""No ledger's number: when the POST of this purchase left, nobody knows."""

_PLACED = "(order_of IS NULL OR order_of = :ledger)"
"""Whether a purchase's number tells its place among those of that ledger."""
_COLUMNS = "request_id, intent_at, seq, sent"


def orders(db: sqlite3.Connection, ledger: int) -> dict[int, int]:
    """The ledger's rows whose request is not known, each with its place in the order of all intents."""
    found = db.execute(
        f"SELECT row, seq FROM purchase WHERE state = 'open' AND ledger = :ledger AND {_PLACED}",  # noqa: S608 - ours
        {"ledger": ledger},
    )
    return dict(found.fetchall())


def requests(db: sqlite3.Connection, ledger: int, request_ids: Iterable[str]) -> dict[str, KnownRequest]:
    """Those of the ids that the book has, as far as their place among those of the ledger is known."""
    found = db.execute(
        f"SELECT {_COLUMNS}, {_PLACED} FROM purchase WHERE request_id IN (SELECT value FROM json_each(:ids))",  # noqa: S608 - ours
        {"ledger": ledger, "ids": json.dumps(list(request_ids))},
    )
    return {
        name: KnownRequest(None, at, seq, sent) if placed else KnownRequest() for name, at, seq, sent, placed in found
    }


def requests_around(
    db: sqlite3.Connection, ledger: int, endpoint: bytes, order: int, later: int
) -> dict[str, KnownRequest]:
    """The last request to an endpoint before that place that has made a video, and so many later ones."""
    known: dict[str, KnownRequest] = {}
    for place, most in (("seq < :order ORDER BY seq DESC", 1), ("seq > :order ORDER BY seq", later)):
        found = db.execute(
            f"SELECT {_COLUMNS} FROM purchase WHERE video AND endpoint IN (:endpoint, x'') AND {_PLACED} "  # noqa: S608 - ours
            f"AND {place} LIMIT :most",
            {"ledger": ledger, "endpoint": endpoint, "order": order, "most": most},
        )
        known |= {name: KnownRequest(None, at, seq, sent) for name, at, seq, sent in found}
    return known
