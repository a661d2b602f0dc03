"""`check`: says what is wrong with a manifest and what it will cost, before anything is spent."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from batch.commands.batch import Batch
from batch.commands.video_naming import plan_video_names
from batch.core.money import dollars
from batch.core.plain_text import one_line
from batch.core.row import Problem
from batch.core.row_numbers import row_numbers
from batch.core.states import Status
from batch.core.take import short_of_takes
from batch.errors import Exit, ManifestError
from batch.ledger.enrolment import enrol
from batch.ledger.ledger import Ledger
from batch.ledger.matching import Findings, match
from batch.ledger.summary import LedgerSummary, Prices, prices_of_models, prices_to_run, summarize, told_prices
from batch.ledger.twins import Twins, find_twins, told_twins
from batch.manifest.column_report import ColumnReport
from batch.reports.outcome import counted
from batch.table import TableChanged

SHOWN = 20
"""Problems listed before the rest is only counted."""


@dataclass(frozen=True, slots=True)
class OnlineFindings:
    """What the addresses of images answered."""

    asked: int = 0
    problems: Sequence[Problem] = field(default_factory=list)
    warnings: Sequence[Problem] = field(default_factory=list)


Ask = Callable[[Batch, Ledger, ColumnReport], OnlineFindings]


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a manifest holds: how it is read, its problems, where its rows stand, and what those to run cost."""

    columns: ColumnReport
    findings: Findings
    standing: LedgerSummary
    prices: Sequence[Prices]
    """Of each model that rows to run are of; where there are none, of the table's own."""
    twins: list[Twins]
    notes: Sequence[str] = ()
    """About the table as a whole."""
    name_problems: Sequence[str] = ()
    """Videos that would have one name."""
    online: OnlineFindings | None = None
    """What the addresses of images answered, where they were asked."""

    @property
    def exit_code(self) -> Exit:
        if self.columns.questions or self.name_problems:
            return Exit.UNUSABLE
        return Exit.ROWS_FAILED if self.findings.invalid or (self.online and self.online.problems) else Exit.DONE

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
        online = self.online or OnlineFindings()
        told, noted = [*found.problems, *online.problems], [*found.warnings, *online.warnings]
        problems = [str(one) for one in told] if every else _grouped(told)
        warnings = [str(one) for one in noted] if every else _grouped(noted)[:SHOWN]
        shown = problems if every else problems[:SHOWN]
        lines = [*self.columns.lines(), *(f"column {question}" for question in self.columns.questions)]
        lines += self.name_problems
        lines += shown
        if len(problems) > len(shown):
            lines.append(f"… and {len(problems) - len(shown)} more: add --all to list them")
        lines += [f"note: {warning}" for warning in warnings]
        lines += [f"note: {note}" for note in self.notes]
        lines += short_of_takes(found.short)
        lines += told_twins(self.twins, None) if every else told_twins(self.twins)
        if not now.total:
            return "\n".join(map(one_line, [*lines, "no rows"]))
        counts = ", ".join(f"{count} {name}" for name, count in self._counts() if count)
        lines.append(f"{counted(now.total)}: {counts}")
        videos = f", {now.to_make:,} videos," if now.more_takes else ""
        lines.append(
            f"to run: {counted(now.to_run)}{videos} for {dollars(now.to_run_price)} {told_prices(self.prices)}".rstrip()
        )
        if now.unpriced:
            lines.append(f"the price of {counted(now.unpriced)} is not known, and not in this sum")
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
            "to_make": self.standing.to_make,
            **{str(one): self.standing.count(one) for one in Status},
            "price_usd": self.price_usd,
            **_price_json(self.prices[0]),
            **({"models": {one.model: _model_json(one) for one in self.prices}} if len(self.prices) > 1 else {}),
            "twins": [
                {"rows": one.rows, "takes": one.to_buy, "usd": None if one.micros is None else one.micros / 1_000_000}
                for one in self.twins
            ],
            "columns": self.columns.json(),
            "questions": list(self.columns.questions),
            "notes": list(self.notes),
            "name_problems": list(self.name_problems),
            "images_asked": self.online and self.online.asked,
            "online_problems": [_as_json(one) for one in (self.online.problems if self.online else ())],
            "online_warnings": [_as_json(one) for one in (self.online.warnings if self.online else ())],
            "problems": [
                {"row": one.number, "id": one.id, "column": one.column, "message": one.message}
                for one in self.findings.problems
            ],
            "warnings": [
                {"row": one.number, "id": one.id, "column": one.column, "message": one.message}
                for one in self.findings.warnings
            ],
        }


def _price_json(prices: Prices) -> dict[str, Any]:
    return {
        f"price_by_{prices.by}": {one.value: {"rows": one.rows, "usd": one.micros / 1_000_000} for one in prices.items}
    }


def _model_json(prices: Prices) -> dict[str, Any]:
    return {"rows": prices.rows, "usd": prices.micros / 1_000_000, **_price_json(prices)}


def _as_json(one: Problem) -> dict[str, Any]:
    return {"row": one.number, "id": one.id, "column": one.column, "message": one.message}


def _grouped(problems: Sequence[Problem]) -> list[str]:
    """What is wrong in the same way in several rows is told once, with their numbers."""
    alike: dict[tuple[str, str], list[Problem]] = {}
    for one in problems:
        alike.setdefault((one.column, one.message), []).append(one)
    return [
        str(found[0])
        if len(found) == 1
        else f"{len(found)} rows, column {column}: {message} (rows {row_numbers(one.number for one in found)})"
        for (column, message), found in alike.items()
    ]


def check(batch: Batch, name: str | None = None, *, ask: Ask | None = None) -> CheckReport:
    """Reads everything, writes nothing, needs no key and, but for `ask`, no network.

    Args:
        name: how videos are to be named: whether two would have one name is found out.
        ask: asks the addresses of images whether a picture is there (`commands/online_images.py`).

    Raises:
        BatchError: the manifest or the ledger cannot be used.
    """
    table = batch.checked_table()
    with Ledger.read(batch.ledger) as ledger, Ledger.scratch(ledger) as scratch:
        batch.require_own_model(ledger)
        batch.require_known_results(ledger)
        try:
            table = table or batch.manifest.open()
            columns = batch.manifest.column_report(table)
            findings = match(scratch, batch.manifest.plan(table))
        except TableChanged as error:
            raise ManifestError(f"{error}: try again when that is done") from error
        enrol(scratch, 0.0, new=True)
        standing, twins = summarize(scratch), find_twins(scratch)
        prices = prices_of_models(scratch, batch.manifest.jobs) or [prices_to_run(scratch, batch.manifest.job)]
        names = [] if name is None else plan_video_names(batch.manifest, scratch, name)
        report = CheckReport(columns, findings, standing, prices, twins, batch.notes, names)
        return replace(report, online=ask(batch, scratch, columns)) if ask else report
