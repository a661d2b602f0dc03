"""Takes into a ledger what was bought without it, and tells what it does not know."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from batch.core import states
from batch.core.row import PendingRow, PlannedRow
from batch.core.states import BOUGHT_BEFORE, State
from batch.errors import LedgerError
from batch.job import encoded
from batch.ledger.ledger import Ledger
from batch.ledger.write_ahead_log import UNASKED

PAGE = 1000
_HELD_BY = "bought_before:"
"""Before the row in the name of a note, in `meta`, of the request that it seems to have been bought with."""


class KnownRow(NamedTuple):
    """Where a row of the ledger stands; `price` and `spent` are in millionths of a dollar."""

    row: int
    state: State
    spent: int
    price: int | None
    fingerprint: bytes


def unknown_requests(ledger: Ledger, request_ids: Iterable[str]) -> set[str]:
    """Those of the ids that no row of the ledger ever had."""
    asked = json.dumps(list(request_ids))
    found = "SELECT value FROM json_each(?) WHERE value NOT IN (SELECT request_id FROM request)"
    return {name for (name,) in ledger.db.execute(found, (asked,))}


def has_sent(ledger: Ledger) -> bool:
    """Whether a POST ever left by this ledger, or may have."""
    return bool(ledger.db.execute("SELECT 1 FROM event WHERE new = 'submitting' LIMIT 1").fetchone())


def last_move(ledger: Ledger) -> float | None:
    """When a row's state last changed; None: never."""
    found = ledger.db.execute("SELECT at FROM event ORDER BY seq DESC LIMIT 1").fetchone()
    return found[0] if found else None


def all_pending(ledger: Ledger) -> Iterator[PendingRow]:
    """The rows about to be bought, in the manifest's order."""
    after = -1
    while page := ledger.pending_rows(after, PAGE):
        yield from page
        after = page[-1].place


def bought_by_renamed(ledger: Ledger) -> tuple[Path, int] | None:
    """A ledger beside this one that has no table, and how many rows about to be bought it has bought."""
    for path in sorted(ledger.path.parent.glob("*.ledger")) if ledger.path else ():
        if path != ledger.path and not path.with_suffix("").exists():
            with suppress(LedgerError), Ledger.read(path) as other:  # one that cannot be read is another table's
                if rows := _equal_rows(ledger, other):
                    return path, rows
    return None


def _equal_rows(ledger: Ledger, other: Ledger) -> int:
    """How many rows about to be bought ask for what the other ledger has bought."""
    paid = "SELECT DISTINCT hex(fingerprint) FROM row WHERE state IN ('submitted', 'in_doubt', 'succeeded')"
    (rows,) = ledger.db.execute(
        "SELECT COUNT(*) FROM row WHERE state = 'pending' AND hex(fingerprint) IN (SELECT value FROM json_each(?))",
        (json.dumps([inputs for (inputs,) in other.db.execute(paid)]),),
    ).fetchone()
    return int(rows)


# Fal's records: whether they were asked, and what they say of a row


def is_unasked(ledger: Ledger) -> bool:
    """Whether fal's records may know of purchases that this ledger does not: it is new, or was not the last in use."""
    return bool(ledger.meta(UNASKED))


def note_asked(ledger: Ledger) -> None:
    ledger.set_meta(UNASKED, "")


def hold(ledger: Ledger, row: int, price: int | None, request_id: str, message: str, at: float) -> None:
    """The row is not bought: this request seems to be its own. Inside a transaction."""
    ledger.apply(row, states.claimed(at, None, price))
    ledger.apply(row, states.held(at, message))
    ledger.set_meta(f"{_HELD_BY}{row}", request_id)


def held_rows(ledger: Ledger) -> list[tuple[int, str]]:
    """The rows that are held, each with the request that seems to be its own; empty where only its price is known."""
    found = ledger.db.execute(
        "SELECT id, COALESCE(value, '') FROM row LEFT JOIN meta ON name = ? || id "
        "WHERE state = 'in_doubt' AND kind = ? ORDER BY id",
        (_HELD_BY, BOUGHT_BEFORE),
    )
    return found.fetchall()


# The table: which row a record's results belong to


def matched_row(ledger: Ledger, place: int) -> KnownRow | None:
    """The row of a record. After `match` on the same connection."""
    found = ledger.db.execute(
        "SELECT id, state, spent, price, row.fingerprint FROM temp.matched m JOIN main.row ON row.id = m.row "
        "WHERE m.place = ?",
        (place,),
    ).fetchone()
    return KnownRow(found[0], State(found[1]), *found[2:]) if found else None


def known_row(ledger: Ledger, row: int) -> KnownRow:
    """Where a row stands now."""
    found = ledger.db.execute("SELECT id, state, spent, price, fingerprint FROM row WHERE id = ?", (row,)).fetchone()
    return KnownRow(found[0], State(found[1]), *found[2:])


def add_row(ledger: Ledger, plan: PlannedRow, request_id: str, at: float) -> int:
    """A row for results whose record is no row: not fit to be sent, or no longer in the manifest. In a transaction."""
    inputs = encoded(plan.arguments) if plan.arguments is not None else "{}"
    fingerprint = plan.fingerprint or _other_inputs(request_id)
    (row,) = ledger.db.execute(
        "INSERT INTO row (key, fingerprint, arguments, price, changed_at, endpoint_id) VALUES (?, ?, ?, ?, ?, ?) "
        "RETURNING id",
        (f"~recovered:{request_id}", fingerprint, inputs, plan.price, at, _endpoint(ledger, plan)),
    ).fetchone()
    return int(row)


def take_inputs(ledger: Ledger, row: int, plan: PlannedRow) -> None:
    """The row was bought with the inputs that its record has: a later purchase than the one that the ledger knew."""
    if plan.arguments is not None:
        ledger.db.execute(
            "UPDATE row SET fingerprint = ?, arguments = ?, price = ?, endpoint_id = ? WHERE id = ?",
            (plan.fingerprint, encoded(plan.arguments), plan.price, _endpoint(ledger, plan), row),
        )


def _endpoint(ledger: Ledger, plan: PlannedRow) -> int:
    """As the ledger numbers it; of a record that cannot be sent, the first one that it knew."""
    return ledger.endpoint_number(plan.endpoint) if plan.endpoint else 1


def note_other_inputs(ledger: Ledger, row: int, request_id: str) -> None:
    """The row's video was made from other inputs than the manifest has now: which, nobody knows. In a transaction."""
    ledger.db.execute("UPDATE row SET fingerprint = ? WHERE id = ?", (_other_inputs(request_id), row))


def _other_inputs(request_id: str) -> bytes:
    return hashlib.sha256(f"inputs of {request_id}".encode()).digest()[:16]
