"""Which finished rows are run again, by a person's wish."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from batch.core.states import State, again
from batch.errors import UsageError
from batch.ledger.enrolment import renew
from batch.ledger.ledger import Ledger

_CHOSEN = """
SELECT row.id, state FROM row JOIN sheet ON sheet.row = row.id JOIN temp.incoming AS given ON given.place = sheet.place
WHERE sheet.problem IS NULL
  AND (
    (:failed AND state IN ('failed', 'cancelled')
      AND (json_array_length(:kinds) = 0 OR kind IN (SELECT value FROM json_each(:kinds))))
    OR (:stale AND state = 'succeeded' AND edited)
  )
  AND (
    :all OR given.number IN (SELECT value FROM json_each(:numbers)) OR given.id IN (SELECT value FROM json_each(:ids))
  )
ORDER BY sheet.place
"""

_NAMED = """
SELECT state, sheet.problem, edited FROM sheet JOIN temp.incoming AS given USING (place)
LEFT JOIN row ON row.id = sheet.row
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
        """Marks the chosen rows as pending, with the inputs that the manifest gives now. Inside a transaction.

        The manifest was read (`match`, `enrol`) on the same connection.

        Raises:
            UsageError: a row or id was named that cannot be run again; nothing was changed.
        """
        self._require_named(ledger)
        chosen = self._chosen(ledger)
        for row, state in chosen:
            ledger.apply(row, again(State(state), at))
        if chosen:
            renew(ledger, at)

    def _chosen(self, ledger: Ledger) -> list[tuple[int, str]]:
        found = ledger.db.execute(_CHOSEN, self._values())
        return found.fetchall()

    def _values(self) -> dict[str, object]:
        return {
            "all": not (self.numbers or self.ids),
            "numbers": json.dumps(list(self.numbers)),
            "ids": json.dumps([name.strip() for name in self.ids]),
            "kinds": json.dumps(list(self.kinds)),
            "failed": self.failed,
            "stale": self.stale,
        }

    def _require_named(self, ledger: Ledger) -> None:
        for option, column, values in (("--row", "number", self.numbers), ("--id", "id", self.ids)):
            for value in values:
                wanted = value.strip() if isinstance(value, str) else value
                found = ledger.db.execute(f"{_NAMED} WHERE given.{column} = ?", (wanted,)).fetchall()
                for one in found or [None]:
                    if trouble := self._trouble(one):
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
