"""Keeps the last lines of what the runner of a failed request has written."""

import json
from collections.abc import Sequence

from batch.ledger.ledger import Ledger


def keep_log(ledger: Ledger, request_id: str, lines: Sequence[str]) -> None:
    """In a transaction, or in one of its own."""
    ledger.db.execute(
        "INSERT OR REPLACE INTO request_log (request_id, lines) SELECT request_id, ? FROM request WHERE request_id = ?",
        (json.dumps(list(lines), ensure_ascii=False), request_id),
    )


def row_name(ledger: Ledger, row: int) -> tuple[int, str]:
    """A row as the spreadsheet numbers it, 0 where it is no longer in it; and its id, where it has one."""
    found = ledger.db.execute(
        "SELECT COALESCE(number, 0), IIF(key LIKE 'id:%', substr(key, 4), '') FROM row "
        "LEFT JOIN sheet ON sheet.row = row.id WHERE row.id = ?",
        (row,),
    ).fetchone()
    return found or (0, "")


def logs_by_row(ledger: Ledger, limit: int) -> dict[int, list[str]]:
    """The rows without a video, as the spreadsheet numbers them → the lines that are kept of their last request."""
    if not ledger.db.execute("SELECT 1 FROM sqlite_master WHERE name = 'request_log'").fetchone():
        return {}  # of an older version, which is only read here
    found = ledger.db.execute(
        "SELECT number, lines FROM request_log JOIN row ON row.request_id = request_log.request_id "
        "JOIN sheet ON sheet.row = row.id WHERE row.state IN ('failed', 'pending') ORDER BY number LIMIT ?",
        (limit,),
    )
    return {number: json.loads(lines) for number, lines in found}
