"""Reads what the report shows: each record of the manifest with its row, and what happened when."""

from collections.abc import Iterator
from typing import NamedTuple

from batch.ledger.ledger import Ledger


class ReportRow(NamedTuple):
    """A record of the manifest and what the ledger has of its row.

    Times are seconds since 1970, money is in millionths of a dollar.
    """

    number: int
    """As the spreadsheet numbers it."""
    n: int | None
    """Of the row in the ledger; None: it has none for the record."""
    id: str | None
    problem: str | None
    state: str | None
    edited: int
    arguments: str | None
    """JSON: what was sent, as the manifest gave it, of a row whose video is of other inputs than stand there now."""
    message: str | None
    kind: str | None
    spent: int | None
    price: int | None
    finished_at: float | None
    last_event: int | None
    """The number of the last change of its state in the ledger's log."""
    endpoint: str | None = None
    """That it is for."""


class Change(NamedTuple):
    """A row went from one state to another; `cost` is its share of what the row has spent."""

    at: float
    old: str
    new: str
    cost: float


_ROWS = """
SELECT sheet.number, row.id, CASE WHEN key LIKE 'id:%' THEN substr(key, 4) END, sheet.problem, state, edited,
    arguments, message, kind, spent, price, finished_at, latest.seq, {endpoint}
FROM sheet LEFT JOIN row ON row.id = sheet.row
LEFT JOIN (SELECT row, MAX(seq) AS seq FROM event WHERE old <> new GROUP BY row)
    AS latest ON latest.row = sheet.row
ORDER BY sheet.place
"""

_CHANGES = """
WITH ended AS (
    SELECT row, COUNT(*) AS times FROM event
    WHERE old = 'submitted' AND new IN ('succeeded', 'failed', 'pending') GROUP BY row
)
SELECT at, old, new,
    CASE WHEN old = 'submitted' AND new IN ('succeeded', 'failed', 'pending') THEN spent * 1.0 / times ELSE 0.0 END
FROM event JOIN row ON row.id = event.row LEFT JOIN ended ON ended.row = event.row
WHERE old <> new ORDER BY seq
"""


def report_rows(ledger: Ledger) -> Iterator[ReportRow]:
    """In the manifest's order. Also of a ledger that is only read, and of an older version."""
    return map(ReportRow._make, ledger.db.execute(_ROWS.format(endpoint=ledger.endpoint)))


def changes(ledger: Ledger) -> Iterator[Change]:
    """Every change of a state, in the order in which they were written down."""
    return map(Change._make, ledger.db.execute(_CHANGES))


def last_event(ledger: Ledger) -> int:
    """The number of the last entry in the ledger's log; 0: there is none."""
    (seq,) = ledger.db.execute("SELECT COALESCE(MAX(seq), 0) FROM event").fetchone()
    return int(seq)
