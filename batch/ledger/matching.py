"""Finds which record of the manifest is which row of the ledger."""

import json
import re
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.resources import files
from itertools import islice
from pathlib import Path

from batch.core.paths import recovery
from batch.core.row import PlannedRow, Problem
from batch.core.states import Status
from batch.errors import ManifestError
from batch.job import encoded
from batch.ledger.ledger import Ledger

SHOWN_PROBLEMS = 10_000
"""Problems kept for the list; the count is of all."""


@dataclass(slots=True)
class Findings:
    """What reading the manifest brought to light."""

    rows: int = 0
    invalid: int = 0
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    several: bool = False
    """A row asks for more than one video."""
    short: list[int] = field(default_factory=list)
    """Rows that have their video and ask for more takes than they have, as the spreadsheet numbers them."""


def match(ledger: Ledger, planned: Iterable[PlannedRow], *, refuse_foreign: bool = True) -> Findings:
    """Finds each record's row. Writes temporary tables only, so a reader of the ledger may do it too.

    Args:
        refuse_foreign: False where the results go to another file, and nothing in this one is overwritten.

    Raises:
        ManifestError: our columns hold values that we did not write.
    """
    findings = Findings()
    ledger.db.executescript(_sql("incoming.sql"))
    rows = (_incoming(plan, findings) for plan in planned)
    ledger.db.execute("BEGIN")
    try:
        ledger.db.executemany("INSERT INTO temp.incoming VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    finally:  # also where the manifest cannot be read to its end
        ledger.db.execute("COMMIT")
    if refuse_foreign:
        _refuse_foreign(ledger)
    first, *rules = _sql("matching.sql").split("\n\n")
    ledger.db.executescript(first)
    for rule in rules:
        if not _some_without_row(ledger.db):
            break
        ledger.db.executescript(rule)
    findings.warnings += _doubled_ids(ledger.db)
    findings.short = _short_of_takes(ledger.db) if findings.several else []
    return findings


def _short_of_takes(db: sqlite3.Connection) -> list[int]:
    made = "(SELECT COUNT(*) FROM take WHERE take.row = row.id AND take.fingerprint = given.fingerprint)"
    found = db.execute(
        "SELECT given.number FROM temp.incoming AS given JOIN temp.matched USING (place) "  # noqa: S608 - our own text
        "JOIN main.row ON row.id = matched.row WHERE state = 'succeeded' AND row.fingerprint = given.fingerprint "
        f"AND given.takes > {made} ORDER BY given.number LIMIT 1000"
    )
    return [number for (number,) in found]


def _some_without_row(db: sqlite3.Connection) -> bool:
    """Whether there is a record without a row, and a row that may be its."""
    (found,) = db.execute(
        "SELECT EXISTS (SELECT 1 FROM temp.matched WHERE row IS NULL) AND EXISTS (SELECT 1 FROM main.row)"
    ).fetchone()
    return bool(found)


def _sql(name: str) -> str:
    return files("batch.ledger").joinpath(name).read_text(encoding="utf-8")


def _incoming(plan: PlannedRow, findings: Findings) -> tuple[object, ...]:
    findings.rows += 1
    findings.several |= (plan.takes or 1) > 1
    if plan.problems or plan.warnings:
        findings.invalid += bool(plan.problems)
        findings.problems += islice(plan.problems, max(0, SHOWN_PROBLEMS - len(findings.problems)))
        findings.warnings += islice(plan.warnings, max(0, SHOWN_PROBLEMS - len(findings.warnings)))
    own = plan.own
    return (
        plan.place,
        plan.number,
        plan.id,
        own.get("request_id", ""),
        own.get("video_url", ""),
        own.get("status", ""),
        next((name for name in own if name not in _KNOWN_BY), None) if own else None,
        plan.fingerprint,
        plan.endpoint,
        None if plan.arguments is None else encoded(plan.arguments),
        plan.price,
        plan.takes,
        "; ".join(f"{problem.column}: {problem.message}" for problem in plan.problems) or None,
    )


_KNOWN_BY = ("status", "request_id")
"""Our columns that say whose a record's other cells in our columns are: with a result there is always a status."""


def _refuse_foreign(ledger: Ledger) -> None:
    """A value in our columns that this ledger does not know is somebody's work, or of a ledger that is lost."""
    checks = {
        # A ledger that has read no row yet has written into no table.
        "status": "status <> '' AND (status NOT IN (SELECT value FROM json_each(:statuses)) "
        "OR NOT EXISTS (SELECT 1 FROM main.sheet) AND NOT EXISTS (SELECT 1 FROM main.row))",
        "request_id": "request_id <> '' AND request_id NOT IN (SELECT request_id FROM main.request)",
        "other": "other IS NOT NULL AND request_id = '' AND (status = '' OR other = 'video_url')",
    }
    for column, foreign in checks.items():
        found = ledger.db.execute(
            f"SELECT number, {column}, other FROM temp.incoming WHERE {foreign} LIMIT 1",  # noqa: S608 - the three above
            {"statuses": json.dumps(sorted(Status))},
        ).fetchone()
        if found:
            number, value, other = found
            shown = f"column {other}: its value" if column == "other" else f"column {column}: {value[:60]!r}"
            remedy = _lost(ledger.path) if _may_be_ours(column, value) else _FOREIGN
            raise ManifestError(f"row {number}, {shown} was not written by this table's ledger, and {remedy}")


def _lost(ledger: Path | None) -> str:
    return (
        "may be of one that is lost: what it bought would be bought again. Put the ledger back beside the table, with "
        f"its -wal file if there is one; else {recovery(ledger)}"
    )


_FOREIGN = (
    "would be overwritten. Put the ledger back beside the table if it was moved; if the column is your own, name ours "
    "otherwise with --prefix PREFIX; or empty the column"
)
_REQUEST_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)  # fal docs: a UUID


def _may_be_ours(column: str, value: str) -> bool:
    """Whether a ledger of ours may have written it: then nothing may be advised that would buy the row again."""
    return _REQUEST_ID.fullmatch(value) is not None if column == "request_id" else value in set(Status)


def _doubled_ids(db: sqlite3.Connection) -> list[Problem]:
    found = db.execute("SELECT id, first, last, records FROM temp.doubled ORDER BY first LIMIT 100")
    return [
        Problem(
            first, "id", f"{name!r} stands in {count} rows (also row {last}): they are told apart by their contents"
        )
        for name, first, last, count in found
    ]
