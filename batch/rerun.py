"""Which finished rows are run again, by a person's wish."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from batch.errors import UsageError
from batch.ledger import Ledger
from batch.states import State, again

_CHOSEN = """
SELECT row.id, state FROM row JOIN sheet ON sheet.row = row.id
WHERE problem IS NULL
  AND (
    (:failed AND state IN ('failed', 'cancelled')
      AND (json_array_length(:kinds) = 0 OR kind IN (SELECT value FROM json_each(:kinds))))
    OR (:stale AND state = 'succeeded' AND edited)
  )
  AND (
    :all OR number IN (SELECT value FROM json_each(:numbers)) OR key IN (SELECT value FROM json_each(:keys))
  )
ORDER BY sheet.place
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What to run again: all failed rows, unless it says which.

    Args:
        kinds: of failure (`content_policy_violation`).
        numbers: rows as the spreadsheet numbers them.
        ids: cells of the `id` column.
        stale: also the rows whose inputs were changed after their video was made.
        failed: the failed rows at all; False for `run --stale`.
    """

    kinds: Sequence[str] = ()
    numbers: Sequence[int] = ()
    ids: Sequence[str] = ()
    stale: bool = False
    failed: bool = True

    def mark(self, ledger: Ledger, at: float) -> None:
        """Marks the chosen rows as pending. Inside a transaction.

        Raises:
            UsageError: a row or id was named that cannot be run again; nothing was changed.
        """
        self._require_named(ledger)
        for row, state in self._chosen(ledger):
            ledger.apply(row, again(State(state), at))

    def _chosen(self, ledger: Ledger) -> list[tuple[int, str]]:
        found = ledger.db.execute(_CHOSEN, self._values())
        return found.fetchall()

    def _values(self) -> dict[str, object]:
        return {
            "all": not (self.numbers or self.ids),
            "numbers": json.dumps(list(self.numbers)),
            "keys": json.dumps([f"id:{name}" for name in self.ids]),
            "kinds": json.dumps(list(self.kinds)),
            "failed": self.failed,
            "stale": self.stale,
        }

    def _require_named(self, ledger: Ledger) -> None:
        for option, column, values in (("--row", "number", self.numbers), ("--id", "key", self.ids)):
            for value in values:
                wanted = f"id:{value}" if column == "key" else value
                found = ledger.db.execute(
                    f"SELECT state, problem, edited FROM sheet LEFT JOIN row ON row.id = sheet.row WHERE {column} = ?",  # noqa: S608 - one of the two names above
                    (wanted,),
                ).fetchone()
                if trouble := self._trouble(found):
                    raise UsageError(f"{option} {value}: {trouble}")

    def _trouble(self, found: tuple[str | None, str | None, int] | None) -> str | None:
        if found is None:
            return "the table has no such row"
        state, problem, edited = found
        if problem:
            return f"the row cannot be run as it is ({problem})"
        if state == State.SUCCEEDED:
            return (
                None
                if edited and self.stale
                else "the row has its video" + ("; it was edited since: add --stale to buy a new one" if edited else "")
            )
        if state in (State.SUBMITTED, State.SUBMITTING, State.IN_DOUBT):
            return f"the row is {state}: it may be paid for already"
        return None
