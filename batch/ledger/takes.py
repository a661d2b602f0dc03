"""Reads the takes of rows, and keeps which one of them is shown."""

import json
from collections.abc import Iterable
from typing import NamedTuple

from batch.core.states import State
from batch.core.take import Take
from batch.ledger.file import TAKES_SINCE, find_past_takes
from batch.ledger.ledger import Ledger
from batch.ledger.take_counts import MISSING


def takes_of(ledger: Ledger, rows: Iterable[int] | None = None) -> dict[int, list[Take]]:
    """The takes of each row that has any, the first one first; of all rows, or of these rows of the ledger.

    Also of a ledger that is only read, and of an older version.
    """
    if ledger.version < TAKES_SINCE:
        _find_past(ledger)
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


def _find_past(ledger: Ledger) -> None:
    """In a ledger of an older version, which is only read: once, for each time that it is opened."""
    find_past_takes(ledger.db)
    ledger.db.executescript(
        "CREATE TEMP TABLE IF NOT EXISTS take AS SELECT * FROM past_take; "
        "CREATE INDEX IF NOT EXISTS temp.take_row ON take (row, number);"
    )


def has_several_takes(ledger: Ledger) -> bool:
    """Whether any row has more than one, or is to have: the table shows how many then."""
    if ledger.version < TAKES_SINCE:
        return False
    found = ledger.db.execute(
        "SELECT EXISTS (SELECT 1 FROM row INDEXED BY row_several WHERE takes_wanted > 1 OR takes_asked > 0) "
        "OR EXISTS (SELECT 1 FROM take WHERE number > 1)"
    ).fetchone()
    return bool(found[0])


def is_old_take(ledger: Ledger, row: int, request_id: str) -> bool:
    """Whether a request is a take that a row about to be bought has already, while another one is wanted of it."""
    known = "SELECT 1 FROM take WHERE row = :row AND request_id = :request_id"
    if not ledger.db.execute(known, {"row": row, "request_id": request_id}).fetchone():
        return False
    if (missing := ledger.marks.missing(row)) is not None:
        return missing > 0
    found = ledger.db.execute(f"SELECT {MISSING} > 0 FROM row WHERE id = ?", (row,)).fetchone()  # noqa: S608 - ours
    return bool(found and found[0])


class TakeRow(NamedTuple):
    """A row whose takes are asked for."""

    row: int
    number: int
    """As the spreadsheet numbers it."""
    id: str | None
    state: State
    problem: str | None

    @property
    def name(self) -> str:
        """For a person: `row 4 (s2)`."""
        return f"row {self.number}" + (f" ({self.id})" if self.id else "")


_ROW = (
    "SELECT row.id, sheet.number, CASE WHEN key LIKE 'id:%' THEN substr(key, 4) END, state, sheet.problem "
    "FROM row JOIN sheet ON sheet.row = row.id WHERE "
)


def row_with_id(ledger: Ledger, row_id: str) -> TakeRow | None:
    """The row of the manifest with this id, as it was read last."""
    return _take_row(ledger, "key = 'id:' || ?", row_id)


def row_with_number(ledger: Ledger, number: int) -> TakeRow | None:
    """The row that stands there, as the manifest was read last."""
    return _take_row(ledger, "sheet.number = ?", number)


def row_with_request(ledger: Ledger, request_id: str) -> TakeRow | None:
    """The row of the manifest that has a take by this request."""
    return _take_row(ledger, "row.id = (SELECT row FROM take WHERE request_id = ?)", request_id)


def _take_row(ledger: Ledger, condition: str, value: int | str) -> TakeRow | None:
    found = ledger.db.execute(f"{_ROW}{condition} LIMIT 1", (value,)).fetchone()
    return _as_take_row(*found) if found else None


def rows_with_takes(ledger: Ledger) -> list[TakeRow]:
    """Every row of the manifest that has a video, in its order."""
    found = ledger.db.execute(
        f"{_ROW}EXISTS (SELECT 1 FROM take WHERE take.row = row.id) ORDER BY sheet.place"  # noqa: S608 - our own text
    )
    return [_as_take_row(*one) for one in found]


def _as_take_row(row: int, number: int, row_id: str | None, state: str, problem: str | None) -> TakeRow:
    return TakeRow(row, number, row_id, State(state), problem)


def choose_take(ledger: Ledger, row: int, number: int | None) -> None:
    """The table shows this take of the row until there is a new one; None: the newest. In a transaction."""
    ledger.db.execute("UPDATE row SET chosen_take = ? WHERE id = ?", (number, row))


def chosen(ledger: Ledger) -> str:
    """The number of the take that a `row` shows, as SQL; NULL where it has none."""
    newest = "(SELECT MAX(one.number) FROM take AS one WHERE one.row = row.id)"
    return f"COALESCE({ledger.column('chosen_take', TAKES_SINCE, 'NULL')}, {newest})"
