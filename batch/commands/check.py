"""`check`: says what is wrong with a manifest and what it will cost, before anything is spent."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from batch.commands.batch import Batch
from batch.core.money import dollars
from batch.core.plain_text import one_line
from batch.core.states import Status
from batch.errors import Exit, ManifestError
from batch.ledger.enrolment import enrol
from batch.ledger.ledger import Ledger
from batch.ledger.matching import Findings, match
from batch.ledger.summary import LedgerSummary, Prices, prices_to_run, summarize
from batch.table import TableChanged

SHOWN = 20
"""Problems listed before the rest is only counted."""


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a manifest holds: its problems, where its rows stand, and what those to run cost."""

    findings: Findings
    standing: LedgerSummary
    prices: Prices
    notes: Sequence[str] = ()
    """About the table as a whole."""

    @property
    def exit_code(self) -> Exit:
        return Exit.ROWS_FAILED if self.findings.invalid else Exit.DONE

    @property
    def price_usd(self) -> float:
        """Of the rows to run."""
        return self.standing.to_run_price / 1_000_000

    def __str__(self) -> str:
        """As the command line tells it."""
        return self.text()

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data: what `--json` prints."""
        return self.json()

    def text(self, *, every: bool = False) -> str:
        """For a person; `every` lists every problem."""
        now, found = self.standing, self.findings
        shown = found.problems if every else found.problems[:SHOWN]
        lines = [str(problem) for problem in shown]
        if len(found.problems) > len(shown):
            lines.append(f"… and {len(found.problems) - len(shown)} more: add --all to list them")
        lines += [f"note: {warning}" for warning in (found.warnings if every else found.warnings[:SHOWN])]
        lines += [f"note: {note}" for note in self.notes]
        lines.append(f"{now.total} rows: " + ", ".join(f"{count} {name}" for name, count in self._counts() if count))
        lines.append(f"to run: {now.to_run} rows for {dollars(now.to_run_price)} {self.prices.text()}".rstrip())
        if now.unpriced:
            lines.append(f"the price of {now.unpriced} rows is not known, and not in this sum")
        return "\n".join(map(one_line, lines))

    def _counts(self) -> list[tuple[str, int]]:
        now = self.standing
        return [
            ("to run", now.to_run),
            ("done", now.count(Status.SUCCEEDED)),
            ("under way", now.count(Status.SUBMITTED)),
            ("in doubt", now.count(Status.IN_DOUBT)),
            ("failed (they wait for `rerun`)", now.count(Status.FAILED)),
            ("cancelled", now.count(Status.CANCELLED)),
            ("stale (edited since their video was made)", now.count(Status.STALE)),
            ("invalid", now.count(Status.INVALID)),
        ]

    def json(self) -> dict[str, Any]:
        """The same for a program; money in US dollars."""
        return {
            "exit_code": int(self.exit_code),
            "rows": self.standing.total,
            "to_run": self.standing.to_run,
            **{str(one): self.standing.count(one) for one in Status},
            "price_usd": self.price_usd,
            f"price_by_{self.prices.by}": {
                one.value: {"rows": one.rows, "usd": one.micros / 1_000_000} for one in self.prices.items
            },
            "notes": list(self.notes),
            "problems": [
                {"row": one.number, "id": one.id, "column": one.column, "message": one.message}
                for one in self.findings.problems
            ],
            "warnings": [
                {"row": one.number, "id": one.id, "column": one.column, "message": one.message}
                for one in self.findings.warnings
            ],
        }


def check(batch: Batch) -> CheckReport:
    """Reads everything, writes nothing, needs no key and no network.

    Raises:
        BatchError: the manifest or the ledger cannot be used.
    """
    table = batch.checked_table()
    job = batch.manifest.job
    with Ledger.read(batch.ledger) as ledger, Ledger.scratch(ledger) as scratch:
        batch.require_known_results(ledger)
        try:
            findings = match(scratch, batch.manifest.plan(table or batch.manifest.open()))
        except TableChanged as error:
            raise ManifestError(f"{error}: try again when that is done") from error
        enrol(scratch, 0.0, new=True)
        return CheckReport(findings, summarize(scratch), prices_to_run(scratch, job), batch.notes)
