"""Reads the ledger's events as they are told to others, and the rows that they are about."""

from collections.abc import Iterator
from typing import NamedTuple

from batch.ledger.ledger import Ledger


class RowMet(NamedTuple):
    """A row as it was enrolled."""

    n: int
    """Of the row in the ledger: the same for good, wherever it stands in the table."""
    number: int | None
    id: str | None


class RowEvent(NamedTuple):
    """One change of a row. Times are seconds since 1970."""

    seq: int
    n: int
    number: int | None
    id: str | None
    at: float
    old: str
    new: str
    detail: str | None
    request_id: str | None
    """With the event that brought it, while it is the row's last one, or where it made a video."""
    video_url: str | None
    """With the event that brought it."""


_ID = "CASE WHEN key LIKE 'id:%' THEN substr(key, 4) END"


def rows_met(ledger: Ledger, after: int) -> Iterator[RowMet]:
    """Rows that were enrolled behind that one."""
    found = ledger.db.execute(
        f"SELECT row.id, number, {_ID} FROM row LEFT JOIN sheet ON sheet.row = row.id WHERE row.id > ? ORDER BY row.id",  # noqa: S608 - ours
        (after,),
    )
    return map(RowMet._make, found)


def row_events(ledger: Ledger, after: int) -> Iterator[RowEvent]:
    """Events behind that one, in their order."""
    found = ledger.db.execute(
        f"SELECT seq, row.id, number, {_ID}, at, old, new, detail, "  # noqa: S608 - ours
        "CASE WHEN new = 'submitted' AND at = submitted_at THEN request_id WHEN new = 'submitted' THEN "
        "(SELECT request_id FROM take WHERE take.row = row.id AND take.submitted_at = at LIMIT 1) END, "
        "CASE WHEN new = 'succeeded' AND old <> new THEN "
        "(SELECT video_url FROM take WHERE take.row = row.id AND take.finished_at = at LIMIT 1) END "
        "FROM event JOIN row ON row.id = event.row LEFT JOIN sheet ON sheet.row = row.id WHERE seq > ? ORDER BY seq",
        (after,),
    )
    return map(RowEvent._make, found)
