"""Reads the takes of rows, and keeps which one of them is shown."""

import json
from collections.abc import Iterable

from batch.core.take import Take
from batch.ledger.file import TAKES_SINCE
from batch.ledger.ledger import Ledger


def takes_of(ledger: Ledger, rows: Iterable[int] | None = None) -> dict[int, list[Take]]:
    """The takes of each row that has any, the first one first; of all rows, or of these rows of the ledger.

    Also of a ledger that is only read, and of an older version.
    """
    kept = ledger.db.execute("SELECT 1 FROM sqlite_master WHERE name = 'video_file'").fetchone()
    path = "(SELECT path FROM video_file AS file WHERE file.request_id = take.request_id AND done_at IS NOT NULL)"
    found = ledger.db.execute(
        "SELECT take.row, number, take.request_id, take.video_url, "  # noqa: S608 - our own text
        f"{path if kept else 'NULL'}, cost, take.submitted_at, take.finished_at, number = {chosen(ledger)} "
        "FROM take JOIN main.row ON row.id = take.row "
        "WHERE :rows IS NULL OR take.row IN (SELECT value FROM json_each(:rows)) ORDER BY take.row, number",
        {"rows": None if rows is None else json.dumps(list(rows))},
    )
    takes: dict[int, list[Take]] = {}
    for row, number, request_id, url, file, cost, submitted_at, finished_at, shown in found:
        take = Take(row, number, request_id, url, file, cost, submitted_at, finished_at, chosen=bool(shown))
        takes.setdefault(row, []).append(take)
    return takes


def chosen(ledger: Ledger) -> str:
    """The number of the take that a `row` shows, as SQL; NULL where it has none."""
    newest = "(SELECT MAX(one.number) FROM take AS one WHERE one.row = row.id)"
    return f"COALESCE({ledger.column('chosen_take', TAKES_SINCE, 'NULL')}, {newest})"
