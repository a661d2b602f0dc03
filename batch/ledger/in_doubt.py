"""Reads rows in doubt, and which of the requests that fal lists are known to be ours."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from batch.core.row import InDoubtRow, KnownRequest
from batch.core.states import BOUGHT_BEFORE
from batch.errors import LedgerError
from batch.ledger.ledger import LEDGER_ID, Ledger

T = TypeVar("T")

NEIGHBOURS = 500
"""So many later requests are looked at for each row in doubt."""

UNKNOWN_ORDER = 2**62
"""Behind all others: no request is a later one."""

SENT = "(SELECT MAX(seq) FROM event WHERE event.row = row.id AND new = 'submitting')"
"""The order in which the rows were last sent: the log has it, whatever the clock did."""
BY_POST = (
    "NOT EXISTS (SELECT 1 FROM event AS held WHERE held.seq = sent.seq + 1 AND held.row = sent.row "  # noqa: S608 - ours
    f"AND held.new = 'in_doubt' AND held.detail LIKE '{BOUGHT_BEFORE}: %')"
)
"""Whether the intent `sent` was one: a row that was held took a request that somebody had sent at another time."""
_HELD = f"state = 'in_doubt' AND kind = '{BOUGHT_BEFORE}'"
_IN_DOUBT = f"state = 'in_doubt' AND kind <> '{BOUGHT_BEFORE}'"


def in_doubt_rows(ledger: Ledger) -> list[InDoubtRow]:
    """Every row whose doubt fal's records may settle, also of rows that the manifest no longer has.

    With them what is open elsewhere. None where the account's book was lost: it decides for all tables.
    """
    if ledger.book_lost:
        return []
    rows = _in_order_of_book(ledger, _open_rows(ledger, _IN_DOUBT))
    if not rows:
        return []
    first = {row.endpoint: row.order for row in reversed(rows)}
    after = {endpoint: _sent_before(ledger, order, endpoint) for endpoint, order in first.items()}
    elsewhere = _open_rows(ledger, f"state = 'submitting' OR {_HELD}")
    for beside in _asked_beside(ledger, lambda other: _open_rows(other, "state IN ('submitting', 'in_doubt')")):
        elsewhere += beside
    opened = [replace(row, open_elsewhere=True) for row in elsewhere]
    trusted = ledger.book.trusted_from if ledger.book else 0.0
    own = [replace(row, after=after[row.endpoint], early=row.intent_at < trusted) for row in rows]
    return own + opened + (ledger.book.in_doubt_elsewhere() if ledger.book else [])


def _in_order_of_book(ledger: Ledger, rows: list[InDoubtRow]) -> list[InDoubtRow]:
    """The account's book knows the order of all intents, over all tables; where it does not, nothing came later."""
    if not ledger.book:
        return rows
    orders = ledger.book.orders()
    placed = [replace(row, order=orders.get(row.row, UNKNOWN_ORDER)) for row in rows]
    return sorted(placed, key=lambda row: row.order)


def _open_rows(ledger: Ledger, condition: str) -> list[InDoubtRow]:
    found = ledger.db.execute(
        f"SELECT id, COALESCE(row.sent, arguments), intent_at, {SENT} AS seq, {ledger.start_timeout}, "  # noqa: S608 - our own text
        f"IIF(kind = 'reply_lost', changed_at, NULL), {ledger.endpoint} FROM row WHERE {condition} ORDER BY seq"
    )
    return [
        InDoubtRow(row, json.loads(sent), at, seq, start_timeout=deadline, lost_at=lost_at, endpoint=endpoint)
        for row, sent, at, seq, deadline, lost_at, endpoint in found
    ]


def open_everywhere(ledger: Ledger, endpoint: str) -> list[Mapping[str, Any]]:
    """What was sent by every row whose request may be at fal without anybody's receipt, here and in ledgers beside.

    To one endpoint; where a ledger beside does not say it, it may be that.
    """
    found = [*_open_rows(ledger, _IN_DOUBT), *_open_rows(ledger, "state = 'submitting'")]
    for beside in _asked_beside(ledger, lambda other: _open_rows(other, "state IN ('submitting', 'in_doubt')")):
        found += beside
    return [row.sent for row in found if row.endpoint in (endpoint, "")]


def requests_since_doubt(ledger: Ledger, endpoint: str) -> dict[str, KnownRequest]:
    """By id, the requests sent around each row in doubt that have made a video: a whole history shows them all.

    Rows and requests of one endpoint: in its history are no others.

    Those that never ran (taken back, or expired in the queue) may never be listed, so they are left out.
    """
    found: dict[str, KnownRequest] = {}
    for row in _in_order_of_book(ledger, _open_rows(ledger, _IN_DOUBT)):
        if row.endpoint != endpoint:
            continue
        if ledger.book:
            found |= ledger.book.requests_around(row.order, NEIGHBOURS, endpoint)
            continue
        for order, limit in (
            ("sent.seq < ? ORDER BY sent.seq DESC", 1),
            ("sent.seq > ? ORDER BY sent.seq", NEIGHBOURS),
        ):
            asked = ledger.db.execute(
                "SELECT request_id, COALESCE(row.sent, arguments), intent_at, sent.seq FROM event AS sent "  # noqa: S608 - our own text
                f"JOIN row ON row.id = sent.row AND sent.seq = {SENT} "
                f"WHERE sent.new = 'submitting' AND state = 'succeeded' AND {ledger.endpoint} = ? AND {BY_POST} "
                f"AND {order} LIMIT ?",
                (endpoint, row.order, limit),
            )
            found |= {name: KnownRequest(json.loads(sent), intent_at, seq) for name, sent, intent_at, seq in asked}
    return found


def _sent_before(ledger: Ledger, order: int, endpoint: str) -> float | None:
    """When the last request of ours to an endpoint before that one was sent that has made a video."""
    if ledger.book:
        return next((one.intent_at for one in ledger.book.requests_around(order, 0, endpoint).values()), None)
    found = ledger.db.execute(
        f"SELECT intent_at FROM event AS sent JOIN row ON row.id = sent.row AND sent.seq = {SENT} "  # noqa: S608 - our own text
        f"WHERE sent.seq < ? AND sent.new = 'submitting' AND state = 'succeeded' AND {ledger.endpoint} = ? "
        f"AND {BY_POST} ORDER BY sent.seq DESC LIMIT 1",
        (order, endpoint),
    ).fetchone()
    return found[0] if found else None


def known_requests(ledger: Ledger, request_ids: Iterable[str], *, with_table: bool = False) -> dict[str, KnownRequest]:
    """Those of the ids that are already a row's, of this table or of one beside it.

    Args:
        with_table: only ledgers that have their table: without it, this table may be that one under another name.
    """
    asked = json.dumps(list(request_ids))
    own = _own(ledger, asked)
    if ledger.book:  # whose order counts: a request that it lacks has no place in it
        own = dict.fromkeys(own, KnownRequest()) | ledger.book.requests(json.loads(asked))
    return _beside(ledger, asked, with_table) | own


def _beside(ledger: Ledger, asked: str, with_table: bool) -> dict[str, KnownRequest]:
    """Of the other ledgers in the folder: two tables with the same rows must not take each other's videos."""
    known = "SELECT request_id FROM request WHERE request_id IN (SELECT value FROM json_each(?))"
    answers = _asked_beside(ledger, lambda other: other.db.execute(known, (asked,)).fetchall(), with_table=with_table)
    return {name: KnownRequest() for answer in answers for (name,) in answer}


def _asked_beside(ledger: Ledger, ask: Callable[[Ledger], T], *, with_table: bool = False) -> list[T]:
    """What the other ledgers in the folder say."""
    answers: list[T] = []
    for path in sorted(ledger.path.parent.glob("*.ledger")) if ledger.path else ():
        if path != ledger.path and (path.with_suffix("").exists() or not with_table):
            with suppress(LedgerError), Ledger.read(path) as other:  # one that cannot be read is another run's trouble
                if not (ledger.book and ledger.book.has_ledger(other.meta(LEDGER_ID) or "")):
                    answers.append(ask(other))
    return answers


def _own(ledger: Ledger, asked: str) -> dict[str, KnownRequest]:
    found = ledger.db.execute(
        "SELECT request.request_id, COALESCE(row.sent, arguments), intent_at, "  # noqa: S608 - our own text
        f"row.request_id = request.request_id AND {BY_POST}, sent.seq FROM request JOIN row ON row.id = request.row "
        f"LEFT JOIN event AS sent ON sent.seq = {SENT} WHERE request.request_id IN (SELECT value FROM json_each(?))",
        (asked,),
    )
    return {
        name: KnownRequest(json.loads(sent), intent_at, seq or 0) if dated else KnownRequest()
        for name, sent, intent_at, dated, seq in found
    }


def asked_by_others(ledger: Ledger, inputs: Sequence[Mapping[str, Any] | None]) -> bool:
    """Whether requests that are nobody's here, of these inputs, show that others ask for what we ask for.

    A request whose input is not shown may be one. Without an account's book any request is: whose, nobody knows.
    """
    if not inputs or not ledger.book or any(one is None for one in inputs):
        return bool(inputs)
    prompts = {str(one.get("prompt")) for one in inputs if one is not None}
    known = "SELECT 1 FROM row WHERE json_extract(arguments, '$.prompt') IN (SELECT value FROM json_each(?)) LIMIT 1"
    return ledger.db.execute(known, (json.dumps(sorted(prompts)),)).fetchone() is not None


@dataclass(frozen=True, slots=True)
class InDoubtView:
    """A row in doubt as it is shown. Times are seconds since 1970."""

    row: int
    number: int | None
    row_id: str
    prompt: str
    intent_at: float
    price: int
    message: str
    held: bool = False
    """It seems to have been bought before: no record of fal's settles whether that request is its own."""
    start_timeout: float | None = None
    """In seconds; None: sent by a version that did not write it down."""


def in_doubt_views(ledger: Ledger) -> list[InDoubtView]:
    """Every row in doubt."""
    found = ledger.db.execute(
        "SELECT row.id, number, IIF(key LIKE 'id:%', substr(key, 4), ''), "  # noqa: S608 - our own text
        "COALESCE(json_extract(arguments, '$.prompt'), ''), intent_at, COALESCE(price, 0), COALESCE(message, ''), "
        f"kind = ?, {ledger.start_timeout} "
        "FROM row LEFT JOIN sheet ON sheet.row = row.id WHERE state = 'in_doubt' ORDER BY number, row.id",
        (BOUGHT_BEFORE,),
    )
    return [InDoubtView(*one) for one in found]
