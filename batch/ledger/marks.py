"""Marks rows to be run again, in memory only: each keeps its state until it is begun."""

import json
import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from batch.core.row import PendingRow, RowSelection
from batch.core.states import State

_MARKED = """
CREATE TEMP TABLE IF NOT EXISTS marked (
    place INTEGER PRIMARY KEY, row INTEGER NOT NULL UNIQUE, fingerprint BLOB NOT NULL, arguments TEXT NOT NULL,
    price INTEGER, endpoint_id INTEGER NOT NULL
)
"""

_MARK = """
INSERT OR IGNORE INTO temp.marked
SELECT sheet.place, row.id, given.fingerprint, given.arguments, given.price, named.id
FROM row JOIN sheet ON sheet.row = row.id JOIN temp.incoming AS given ON given.place = sheet.place
JOIN endpoint AS named ON named.name = given.endpoint
WHERE sheet.problem IS NULL
  AND (
    (:failed AND state IN ('failed', 'cancelled')
      AND (json_array_length(:error_types) = 0 OR kind IN (SELECT value FROM json_each(:error_types))))
    OR (:stale AND state = 'succeeded' AND edited)
  )
  AND (
    :all OR given.number IN (SELECT value FROM json_each(:numbers)) OR given.id IN (SELECT value FROM json_each(:ids))
  )
"""


class Marked(NamedTuple):
    """A finished row that is to be run again, and the inputs that the manifest gives for it."""

    state: State
    fingerprint: bytes
    arguments: str
    price: int | None
    endpoint: int
    """As the ledger numbers it."""


class Marks:
    """The marked rows of one open ledger. They stand in no file: a run that ends early, or is killed, leaves none."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self.any = False
        """Whether there may be some: without, nothing is asked of the ledger for them."""

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
        }
        self._db.execute(_MARKED)
        self._db.execute(_MARK, values)
        self.any = True

    def clear(self) -> None:
        """What was not begun is as it was."""
        if self.any:
            self._db.execute("DELETE FROM temp.marked")
            self.any = False

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
            "SELECT state, marked.fingerprint, marked.arguments, marked.price, marked.endpoint_id FROM temp.marked "
            "JOIN main.row ON row.id = marked.row WHERE marked.row = ?",
            (row,),
        ).fetchone()
        if not found:
            return None
        self._db.execute("DELETE FROM temp.marked WHERE row = ?", (row,))
        state, *inputs = found
        return Marked(State(state), *inputs)

    def to_run(self) -> tuple[int, int, int]:
        """How many rows, their price, and how many of them have none."""
        if not self.any:
            return 0, 0, 0
        count, price, unpriced = self._db.execute(
            "SELECT COUNT(*), COALESCE(SUM(price), 0), COUNT(*) - COUNT(price) FROM temp.marked"
        ).fetchone()
        return count, price, unpriced
