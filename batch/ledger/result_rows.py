"""Reads what the results writer shows: a result row for each record of the manifest."""

from collections.abc import Iterator

from batch.core.row import ResultRow
from batch.ledger.file import TAKES_SINCE
from batch.ledger.ledger import Ledger
from batch.ledger.take_counts import MADE

_AS_SHOWN = {
    "error_type": "row.kind",
    "video_url": "shown.video_url",
    "result": "COALESCE(shown.result, row.result)",
    "request_id": "COALESCE(IIF(row.state IN ('succeeded', 'pending'), shown.request_id, row.request_id), "
    "shown.request_id, row.request_id)",
    "submitted_at": "IIF(row.state = 'succeeded', shown.submitted_at, row.submitted_at)",
    "finished_at": "IIF(row.state = 'succeeded', shown.finished_at, row.finished_at)",
    "video_path": "file.path",
    "take": "shown.number",
    "takes": f"IIF(shown.number IS NULL, NULL, {MADE})",
}
"""Fields that are no column of the row by that name: what is of the take that is shown, whatever the row does now."""
_BEFORE_TAKES = {"error_type": "row.kind", "video_path": "file.path", "take": "NULL", "takes": "NULL"}
"""The same in a ledger of a version that kept the last video only."""
_TAKE = (
    "LEFT JOIN take AS shown ON shown.row = row.id AND shown.number = "
    "COALESCE(row.chosen_take, (SELECT MAX(one.number) FROM take AS one WHERE one.row = row.id)) "
)
_FILE = "LEFT JOIN video_file AS file ON file.request_id = {0}.request_id AND file.done_at IS NOT NULL"

_OF_THE_RECORD = ("place", "problem", "state", "edited")
_OF_THE_ROW = ResultRow._fields[len(_OF_THE_RECORD) :]


def _fields(read: dict[str, str]) -> str:
    return ", ".join(f"{read.get(name, f'row.{name}')} AS {name}" for name in _OF_THE_ROW)


_ENROLLED = f"""
SELECT sheet.place, sheet.problem, row.state, sheet.edited, {_fields(_AS_SHOWN)}
FROM sheet LEFT JOIN row ON row.id = sheet.row {_TAKE} {_FILE.format("shown")} ORDER BY sheet.place
"""  # noqa: S608 - names of our own fields

_MATCHED = f"""
SELECT i.place, i.problem, row.state, row.fingerprint IS NOT i.fingerprint AS edited, {_fields(_AS_SHOWN)}
FROM temp.incoming i JOIN temp.matched m ON m.place = i.place LEFT JOIN main.row ON row.id = m.row
{_TAKE} {_FILE.format("shown")} ORDER BY i.place
"""  # noqa: S608 - names of our own fields


def numbered_rows(ledger: Ledger) -> Iterator[tuple[int, int | None, str | None, ResultRow]]:
    """Every record with its number in the spreadsheet, and its row's in the ledger and id, where it has them.

    Also of a ledger that is only read, and of an older version.
    """
    own = "SELECT sheet.number, row.id, CASE WHEN key LIKE 'id:%' THEN substr(key, 4) END, "
    read = _ENROLLED if ledger.version >= TAKES_SINCE else _before_takes(ledger)
    found = ledger.db.execute(read.replace("SELECT ", own, 1))
    return ((number, n, name, ResultRow._make(row)) for number, n, name, *row in found)


def _before_takes(ledger: Ledger) -> str:
    kept = ledger.db.execute("SELECT 1 FROM sqlite_master WHERE name = 'video_file'").fetchone()
    fields = _BEFORE_TAKES if kept else {**_BEFORE_TAKES, "video_path": "NULL"}
    return (
        f"SELECT sheet.place, sheet.problem, row.state, sheet.edited, {_fields(fields)} "  # noqa: S608 - ours
        f"FROM sheet LEFT JOIN row ON row.id = sheet.row {_FILE.format('row') if kept else ''} ORDER BY sheet.place"
    )


def enrolled_rows(ledger: Ledger) -> Iterator[ResultRow]:
    """Where the manifest is as it was when it was enrolled."""
    return map(ResultRow._make, ledger.db.execute(_ENROLLED))


def matched_rows(ledger: Ledger) -> Iterator[ResultRow]:
    """Where it was edited since. After `match` on the same connection."""
    return map(ResultRow._make, ledger.db.execute(_MATCHED))
