"""Marks rows to be run again, in memory only: each keeps its state until it is begun."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from batch.core.row import PendingRow, RowSelection
from batch.core.states import State
from batch.ledger.take_counts import MADE

_MARKED = """
CREATE TEMP TABLE IF NOT EXISTS marked (
    place INTEGER PRIMARY KEY, row INTEGER NOT NULL UNIQUE, fingerprint BLOB NOT NULL, arguments TEXT NOT NULL,
    price INTEGER,
    wanted INTEGER,            -- takes of these inputs, as the table says now; NULL: it does not
    more INTEGER,              -- takes that a redo asks for; NULL: it is none
    missing INTEGER NOT NULL,  -- takes that the row is to have more than it has
    endpoint_id INTEGER NOT NULL
)
"""

_MARK = f"""
INSERT OR IGNORE INTO temp.marked
SELECT sheet.place, row.id, given.fingerprint, given.arguments, given.price,
    IIF(:more IS NULL, given.takes, NULL), :more, COALESCE(:more, MAX(
        COALESCE(given.takes, takes_wanted)
            - (SELECT COUNT(*) FROM take WHERE take.row = row.id AND take.fingerprint = given.fingerprint),
        takes_asked - {MADE}
    )), named.id
FROM row JOIN sheet ON sheet.row = row.id JOIN temp.incoming AS given ON given.place = sheet.place
JOIN endpoint AS named ON named.name = given.endpoint
WHERE sheet.problem IS NULL
  AND (
    (:more IS NOT NULL AND state = 'succeeded') OR
    (:failed AND state IN ('failed', 'cancelled')
      AND (json_array_length(:error_types) = 0 OR kind IN (SELECT value FROM json_each(:error_types))))
    OR (:stale AND state = 'succeeded' AND edited)
  )
  AND (
    :all OR row.id IN (SELECT value FROM json_each(:rows))
    OR given.number IN (SELECT value FROM json_each(:numbers))
    OR given.id IN (SELECT value FROM json_each(:ids))
  )
"""  # noqa: S608 - our own text


MARKED_TO_BUY = "MAX(1, missing)"
"""How many requests a marked row comes to, if none of them breaks."""


class Marked(NamedTuple):
    """A finished row that is to be run again, and the inputs that the manifest gives for it."""

    state: State
    fingerprint: bytes
    arguments: str
    price: int | None
    wanted: int | None
    more: int | None
    endpoint: int
    """As the ledger numbers it."""


class Marks:
    """The marked rows of one open ledger. They stand in no file: a run that ends early, or is killed, leaves none."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self.any = False
        """Whether there may be some: without, nothing is asked of the ledger for them."""
        self.only = False
        """Nothing but the marked rows is to be bought now: what else is pending waits."""

    def add(self, selection: RowSelection, *, failed: bool, stale: bool, error_types: Sequence[str]) -> None:
        """Marks rows that have ended and can be run again; all of them where the selection names none.

        After `match` and `enrol` on the same connection.

        Args:
            failed: those that failed, or were cancelled; of the error types, where there are some.
            stale: those whose inputs were changed after their video was made.
        """
        values = {
            "all": not selection,
            "numbers": json.dumps(list(selection.numbers)),
            "ids": json.dumps([name.strip() for name in selection.ids]),
            "error_types": json.dumps(list(error_types)),
            "failed": failed,
            "stale": stale,
            "more": None,
            "rows": "[]",
        }
        self._mark(values)

    def add_takes(self, rows: Sequence[int], more: int) -> None:
        """Marks rows of the ledger that have their video: each is to have so many more, of what the manifest gives now.

        Nothing else is bought from then on.

        After `match` and `enrol` on the same connection.
        """
        nothing = {"numbers": "[]", "ids": "[]", "error_types": "[]", "all": False, "failed": False, "stale": False}
        self._mark({**nothing, "more": more, "rows": json.dumps(list(rows))})
        self.only = True

    def _mark(self, values: Mapping[str, object]) -> None:
        self._db.execute(_MARKED)
        self._db.execute(_MARK, values)
        self.any = True

    def clear(self) -> None:
        """What was not begun is as it was."""
        if self.any:
            self._db.execute("DELETE FROM temp.marked")
            self.any = self.only = False

    def rows(self, after: int, limit: int) -> list[PendingRow]:
        """Marked rows behind a place, in the manifest's order, as they will be submitted."""
        if not self.any:
            return []
        found = self._db.execute(
            "SELECT marked.row, marked.place, number, arguments, price, endpoint.name FROM temp.marked "
            "JOIN endpoint ON endpoint.id = marked.endpoint_id JOIN sheet ON sheet.place = marked.place "
            "WHERE marked.place > ? ORDER BY marked.place LIMIT ?",
            (after, limit),
        )
        return [
            PendingRow(row, place, number, json.loads(arguments), price, 0, endpoint)
            for row, place, number, arguments, price, endpoint in found
        ]

    def take(self, row: int) -> Marked | None:
        """The mark of a row that is begun now, taken off it; None where it has none. Inside a transaction."""
        if not self.any:
            return None
        found = self._db.execute(
            "SELECT state, marked.fingerprint, marked.arguments, marked.price, wanted, more, marked.endpoint_id "
            "FROM temp.marked JOIN main.row ON row.id = marked.row WHERE marked.row = ?",
            (row,),
        ).fetchone()
        if not found:
            return None
        self._db.execute("DELETE FROM temp.marked WHERE row = ?", (row,))
        state, *inputs = found
        return Marked(State(state), *inputs)

    def missing(self, row: int) -> int | None:
        """How many takes a marked row is to have more than it has; None where it is not marked."""
        found = self.any and self._db.execute("SELECT missing FROM temp.marked WHERE row = ?", (row,)).fetchone()
        return found[0] if found else None

    def to_run(self) -> tuple[int, int, int, int]:
        """How many rows, the requests that they come to, their price, and how many of the rows have none."""
        if not self.any:
            return 0, 0, 0, 0
        rows, takes, price, unpriced = self._db.execute(
            f"SELECT COUNT(*), COALESCE(SUM({MARKED_TO_BUY}), 0), COALESCE(SUM(price * {MARKED_TO_BUY}), 0), "  # noqa: S608 - ours
            "COUNT(*) - COUNT(price) FROM temp.marked"
        ).fetchone()
        return rows, takes, price, unpriced
