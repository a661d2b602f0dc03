"""`rerun` and `--stale`: marks the finished rows that a person wants run again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from batch.core.retry import FINAL, WORTH_ANOTHER_TRY
from batch.core.row import RowSelection
from batch.core.states import State, taken_up_again
from batch.core.suggestions import did_you_mean
from batch.errors import UsageError
from batch.ledger.ledger import Ledger
from batch.ledger.selection import NEAR, SheetRow, failed_kinds, ids_that_begin, rows_unknown_to_fal, sheet_rows
from batch.reports.outcome import counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What to run again: all failed rows, unless it says which.

    Args:
        error_types: only rows that failed so (`content_policy_violation`).
        numbers: rows as the spreadsheet numbers them.
        ids: cells of the `id` column.
        stale: also the rows whose inputs were changed after their video was made.
        failed: the failed rows at all; False for `run --stale`.
    """

    error_types: Sequence[str] = ()
    numbers: Sequence[int] = ()
    ids: Sequence[str] = ()
    stale: bool = False
    failed: bool = True

    def mark(self, ledger: Ledger, at: float) -> None:
        """Marks the chosen rows to be run again, with the inputs that the manifest gives now.

        A row that failed only because fal did not know its request is asked after again: it may have been paid for.
        The manifest was read (`match`, `enrol`) on the same connection.

        Raises:
            UsageError: a row or id was named that cannot be run again, or a kind of failure that there is not, or
                nothing was ever run; nothing was marked.
        """
        if self.error_types:
            _require_kinds(self.error_types, failed_kinds(ledger))
        for number in self.numbers:
            self._require(f"--row {number}", sheet_rows(ledger, "number", number))
        for row_id in self.ids:
            rows = sheet_rows(ledger, "id", row_id.strip())
            near = "" if rows else did_you_mean(row_id.strip(), ids_that_begin(ledger, "", NEAR))
            self._require(f"--id {row_id}", rows, near)
        if self.failed and not ledger.was_run():
            raise UsageError(
                "nothing of this table was run yet, so there is nothing to run again, and nothing was bought: "
                "`kling-batch run` runs it"
            )
        named = RowSelection(self.numbers, self.ids)
        ledger.marks.add(named, failed=self.failed, stale=self.stale, error_types=self.error_types)
        with ledger.transaction():
            for row, cost in rows_unknown_to_fal(ledger).items():
                if ledger.marks.take(row):
                    ledger.apply(row, taken_up_again(at, cost))

    def _require(self, option: str, found: Sequence[SheetRow], near: str = "") -> None:
        if not found:
            raise UsageError(f"{option}: the table has no such row{near}")
        for one in found:
            if trouble := self._trouble(one):
                raise UsageError(f"{option}: {trouble}")

    def _trouble(self, row: SheetRow) -> str | None:
        if row.problem:
            return f"the row cannot be run as it is ({row.problem})"
        if row.state == State.SUCCEEDED:
            if row.edited and self.stale:
                return None
            return "the row has its video" + (
                "; it was edited since: add --stale to buy a new one" if row.edited else ""
            )
        if row.state in (State.SUBMITTED, State.SUBMITTING, State.IN_DOUBT):
            return f"the row is {row.state}: it may be paid for already"
        return None


def _require_kinds(wanted: Sequence[str], there: Mapping[str, int]) -> None:
    """A kind of failure is one of the table's, or one that is known to happen: a cron job asks for it every night."""
    listed = ", ".join(f"{kind} ({counted(rows)})" for kind, rows in there.items()) or "none"
    for kind in wanted:
        if kind not in {*there, *WORTH_ANOTHER_TRY, *FINAL}:
            near = did_you_mean(kind, [*there, *WORTH_ANOTHER_TRY, *FINAL]).removeprefix(": ").capitalize()
            said = f"--kind {kind}: no row ended so. The kinds of failure in this table: {listed}"
            raise UsageError(f"{said}. {near}".removesuffix(". "))
