"""Reads rows in doubt, and which of the requests that fal lists are known to be ours."""

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from batch.core.row import InDoubtRow, KnownRequest
from batch.errors import LedgerError
from batch.ledger.ledger import Ledger

_SENT = "(SELECT MAX(seq) FROM event WHERE event.row = row.id AND new = 'submitting')"
"""The order in which the rows were last sent: the log has it, whatever the clock did."""


def in_doubt_rows(ledger: Ledger) -> list[InDoubtRow]:
    """Every row in doubt, also of rows that the manifest no longer has."""
    found = ledger.db.execute(
        f"SELECT id, COALESCE(row.sent, arguments), intent_at, {_SENT} AS seq FROM row "  # noqa: S608 - our own text
        "WHERE state = 'in_doubt' ORDER BY seq"
    ).fetchall()
    after = _accepted_before(ledger, found[0][3]) if found else None
    return [InDoubtRow(row, json.loads(sent), intent_at, seq, after) for row, sent, intent_at, seq in found]


def _accepted_before(ledger: Ledger, order: int) -> float | None:
    """When the last request of ours before that one was sent that was accepted."""
    found = ledger.db.execute(
        f"SELECT intent_at FROM event AS sent JOIN row ON row.id = sent.row AND sent.seq = {_SENT} "  # noqa: S608 - our own text
        "WHERE sent.seq < ? AND sent.new = 'submitting' AND request_id IS NOT NULL ORDER BY sent.seq DESC LIMIT 1",
        (order,),
    ).fetchone()
    return found[0] if found else None


def known_requests(ledger: Ledger, request_ids: Iterable[str]) -> dict[str, KnownRequest]:
    """Those of the ids that are already a row's, of this table or of one beside it."""
    asked = json.dumps(list(request_ids))
    return _beside(ledger, asked) | _own(ledger, asked)


def _beside(ledger: Ledger, asked: str) -> dict[str, KnownRequest]:
    """Of the other ledgers in the folder: two tables with the same rows must not take each other's videos."""
    found: dict[str, KnownRequest] = {}
    for path in ledger.path.parent.glob("*.ledger") if ledger.path else ():
        if path != ledger.path:
            with suppress(LedgerError), Ledger.read(path) as other:  # one that cannot be read is another run's trouble
                known = "SELECT request_id FROM request WHERE request_id IN (SELECT value FROM json_each(?))"
                found |= {name: KnownRequest() for (name,) in other.db.execute(known, (asked,))}
    return found


def _own(ledger: Ledger, asked: str) -> dict[str, KnownRequest]:
    found = ledger.db.execute(
        "SELECT request.request_id, COALESCE(row.sent, arguments), intent_at, "  # noqa: S608 - our own text
        f"row.request_id = request.request_id, {_SENT} FROM request JOIN row ON row.id = request.row "
        "WHERE request.request_id IN (SELECT value FROM json_each(?))",
        (asked,),
    )
    return {
        name: KnownRequest(json.loads(sent), intent_at, seq or 0) if last else KnownRequest()
        for name, sent, intent_at, last, seq in found
    }


@dataclass(frozen=True, slots=True)
class InDoubtView:
    """A row in doubt as it is shown. Times are seconds since 1970."""

    number: int | None
    row_id: str
    prompt: str
    intent_at: float
    price: int
    message: str


def in_doubt_views(ledger: Ledger) -> list[InDoubtView]:
    """Every row in doubt."""
    found = ledger.db.execute(
        "SELECT number, key, json_extract(arguments, '$.prompt'), intent_at, COALESCE(price, 0), message FROM row "
        "LEFT JOIN sheet ON sheet.row = row.id WHERE state = 'in_doubt' ORDER BY number, row.id"
    )
    return [
        InDoubtView(
            number, key.removeprefix("id:") if key.startswith("id:") else "", prompt or "", at, price, message or ""
        )
        for number, key, prompt, at, price, message in found
    ]
