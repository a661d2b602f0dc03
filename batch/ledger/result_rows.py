"""Reads what the results writer shows: a result row for each record of the manifest."""

from collections.abc import Iterator

from batch.core.row import ResultRow
from batch.ledger.ledger import Ledger

_STORED_AS = {"error_type": "row.kind", "video_path": "file.path"}
"""Fields that go by another name in the ledger."""
_FILE = "LEFT JOIN video_file AS file ON file.request_id = row.request_id AND file.done_at IS NOT NULL"

_OF_THE_RECORD = ("place", "problem", "state", "edited")
_OF_THE_ROW = ResultRow._fields[len(_OF_THE_RECORD) :]
_ROW_FIELDS = ", ".join(_STORED_AS.get(name, f"row.{name}") for name in _OF_THE_ROW)

_ENROLLED = f"""
SELECT sheet.place, sheet.problem, row.state, sheet.edited, {_ROW_FIELDS}
FROM sheet LEFT JOIN row ON row.id = sheet.row {_FILE} ORDER BY sheet.place
"""  # noqa: S608 - names of our own fields

_MATCHED = f"""
SELECT i.place, i.problem, row.state, row.fingerprint IS NOT i.fingerprint, {_ROW_FIELDS}
FROM temp.incoming i JOIN temp.matched m ON m.place = i.place LEFT JOIN main.row ON row.id = m.row
{_FILE} ORDER BY i.place
"""  # noqa: S608 - names of our own fields


def numbered_rows(ledger: Ledger) -> Iterator[tuple[int, int | None, str | None, ResultRow]]:
    """Every record with its number in the spreadsheet, and its row's in the ledger and id, where it has them.

    Also of a ledger that is only read, and of an older version.
    """
    kept = ledger.db.execute("SELECT 1 FROM sqlite_master WHERE name = 'video_file'").fetchone()
    read = _ENROLLED if kept else _ENROLLED.replace(_FILE, "").replace("file.path", "NULL")
    own = "SELECT sheet.number, row.id, CASE WHEN key LIKE 'id:%' THEN substr(key, 4) END, "
    found = ledger.db.execute(read.replace("SELECT ", own, 1))
    return ((number, n, name, ResultRow._make(row)) for number, n, name, *row in found)


def enrolled_rows(ledger: Ledger) -> Iterator[ResultRow]:
    """Where the manifest is as it was when it was enrolled."""
    return map(ResultRow._make, ledger.db.execute(_ENROLLED))


def matched_rows(ledger: Ledger) -> Iterator[ResultRow]:
    """Where it was edited since. After `match` on the same connection."""
    return map(ResultRow._make, ledger.db.execute(_MATCHED))
