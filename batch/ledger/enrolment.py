"""The manifest and the ledger brought together: which record is which row, what is new, edited, gone or wrong."""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from importlib.resources import files
from itertools import islice

from batch.core.row import Planned, Problem
from batch.core.states import Status
from batch.errors import ManifestError
from batch.job import encoded
from batch.ledger.ledger import Ledger
from batch.ledger.snapshot import Reading, remember

SHOWN_PROBLEMS = 10_000
"""Problems kept for the list; the count is of all."""


@dataclass(slots=True)
class Findings:
    """What reading the manifest brought to light."""

    rows: int = 0
    invalid: int = 0
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)


def match(ledger: Ledger, planned: Iterable[Planned], *, refuse_foreign: bool = True) -> Findings:
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
        ledger.db.executemany("INSERT INTO temp.incoming VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    finally:  # also where the manifest cannot be read to its end
        ledger.db.execute("COMMIT")
    if refuse_foreign:
        _refuse_foreign(ledger.db)
    first, *rules = _sql("matching.sql").split("\n\n")
    ledger.db.executescript(first)
    for rule in rules:
        if not _some_without_row(ledger.db):
            break
        ledger.db.executescript(rule)
    findings.warnings += _doubled_ids(ledger.db)
    return findings


def _some_without_row(db: sqlite3.Connection) -> bool:
    """Whether there is a record without a row, and a row that may be its."""
    (found,) = db.execute(
        "SELECT EXISTS (SELECT 1 FROM temp.matched WHERE row IS NULL) AND EXISTS (SELECT 1 FROM main.row)"
    ).fetchone()
    return bool(found)


def _sql(name: str) -> str:
    return files("batch.ledger").joinpath(name).read_text(encoding="utf-8")


def _incoming(plan: Planned, findings: Findings) -> tuple[object, ...]:
    findings.rows += 1
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
        None if plan.arguments is None else encoded(plan.arguments),
        plan.price,
        "; ".join(f"{problem.column}: {problem.message}" for problem in plan.problems) or None,
    )


_KNOWN_BY = ("status", "request_id")
"""Our columns that say whose a record's other cells in our columns are: with a result there is always a status."""


def _refuse_foreign(db: sqlite3.Connection) -> None:
    """A value in our columns that this ledger does not know is somebody's work, or of a ledger that is lost."""
    checks = {
        # A ledger that has read no row yet has written into no table.
        "status": "status <> '' AND (status NOT IN (SELECT value FROM json_each(:statuses)) "
        "OR NOT EXISTS (SELECT 1 FROM main.sheet) AND NOT EXISTS (SELECT 1 FROM main.row))",
        "request_id": "request_id <> '' AND request_id NOT IN (SELECT request_id FROM main.request)",
        "other": "other IS NOT NULL AND request_id = '' AND (status = '' OR other = 'video_url')",
    }
    for column, foreign in checks.items():
        found = db.execute(
            f"SELECT number, {column}, other FROM temp.incoming WHERE {foreign} LIMIT 1",  # noqa: S608 - the three above
            {"statuses": json.dumps(sorted(Status))},
        ).fetchone()
        if found:
            number, value, other = found
            shown = f"column {other}: its value" if column == "other" else f"column {column}: {value[:60]!r}"
            raise ManifestError(
                f"row {number}, {shown} was not written by this table's ledger, and "
                "would be overwritten. Put the ledger back beside the table if it was moved; if the column is your "
                "own, name ours otherwise with --prefix PREFIX; or empty the column"
            )


def _doubled_ids(db: sqlite3.Connection) -> list[Problem]:
    found = db.execute("SELECT id, first, last, records FROM temp.doubled ORDER BY first LIMIT 100")
    return [
        Problem(
            first, "id", f"{name!r} stands in {count} rows (also row {last}): they are told apart by their contents"
        )
        for name, first, last, count in found
    ]


def enrol(ledger: Ledger, at: float, *, new: bool, reading: Reading | None = None) -> int:
    """Writes what `match` found: where each row stands, edited inputs of rows not sent yet, and new rows.

    Args:
        at: now, seconds since 1970.
        new: whether records without a row are enrolled; else they wait for the next run.
        reading: what was matched, where the same bytes will always mean the same.

    Returns: how many rows were enrolled.
    """
    with ledger.transaction():
        _replace_rows(ledger.db, at)
        enrolled = _insert_new(ledger.db, at) if new else 0
        _replace_sheet(ledger.db)
        remember(ledger, reading and replace(reading, final=_final(ledger.db)))
    return enrolled


def _final(db: sqlite3.Connection) -> bool:
    """Every record has what it asks for: none waits for a row, and no row under way for its record's new inputs."""
    (found,) = db.execute(
        "SELECT EXISTS (SELECT 1 FROM sheet WHERE row IS NULL AND problem IS NULL) OR EXISTS ("  # noqa: S608 - ours
        "SELECT 1 FROM main.row CROSS JOIN temp.matched m ON m.row = row.id JOIN temp.incoming i ON i.place = m.place "
        f"WHERE row.state IN ('submitting', 'submitted', 'in_doubt') AND i.problem IS NULL AND {_OTHER_INPUTS})"
    ).fetchone()
    return not found


def standing_findings(ledger: Ledger) -> Findings:
    """What the manifest was found to hold when it was last read, without the lists."""
    return Findings(*ledger.db.execute("SELECT COUNT(*), COUNT(problem) FROM sheet").fetchone())


def renew(ledger: Ledger, at: float) -> None:
    """Rows that a person asked for again take the inputs that the manifest gives now. After `enrol`, in a transaction.

    A row whose video was made from other inputs kept these until now.
    """
    _find_changed(ledger.db)
    _take_inputs(ledger.db, at)
    _replace_sheet(ledger.db)


def _replace_rows(db: sqlite3.Connection, at: float) -> None:
    _find_changed(db)
    db.execute(
        "UPDATE row SET place = NULL WHERE place IS NOT NULL AND id IN (SELECT sheet.row FROM sheet "
        "LEFT JOIN temp.matched m ON m.place = sheet.place LEFT JOIN temp.incoming i ON i.place = sheet.place "
        "WHERE m.row IS NOT sheet.row OR i.problem IS NOT NULL)"
    )
    # A key changes hands where ids were swapped or identical rows deleted: its old holder lets go of it first.
    db.execute(
        "UPDATE row SET key = '~' || id WHERE id IN (SELECT holder.id FROM temp.changed "
        "JOIN temp.matched m ON m.place = changed.place JOIN main.row holder ON holder.key = m.key "
        "WHERE m.row IS NOT holder.id)"
    )
    db.execute(
        "UPDATE row SET place = m.place, key = m.key FROM temp.changed JOIN temp.matched m ON m.place = changed.place "
        "WHERE m.row = row.id AND (row.place IS NOT m.place OR row.key <> m.key)"
    )
    _take_inputs(db, at)


_OTHER_INPUTS = "(row.fingerprint <> i.fingerprint OR row.arguments <> i.arguments OR row.price IS NOT i.price)"
_NEW_INPUTS = f"row.state IN ('pending', 'failed', 'cancelled') AND {_OTHER_INPUTS}"


def _find_changed(db: sqlite3.Connection) -> None:
    """Records fit to be sent that are new to the ledger, or that the ledger has otherwise: mostly none of a million."""
    db.execute("CREATE TEMP TABLE IF NOT EXISTS changed (place INTEGER PRIMARY KEY)")
    db.execute("DELETE FROM temp.changed")
    db.execute(
        "INSERT INTO temp.changed SELECT m.place FROM temp.matched m "  # noqa: S608 - our own condition
        "JOIN temp.incoming i ON i.place = m.place LEFT JOIN main.row ON row.id = m.row WHERE i.problem IS NULL AND "
        f"(m.row IS NULL OR row.place IS NOT m.place OR row.key <> m.key OR {_NEW_INPUTS}) ORDER BY m.place"
    )


def _take_inputs(db: sqlite3.Connection, at: float) -> None:
    """What was not sent, or has ended without a video, takes the inputs that the manifest gives now."""
    db.execute(
        "UPDATE row SET fingerprint = i.fingerprint, arguments = i.arguments, "  # noqa: S608 - our own condition
        "price = i.price, changed_at = :at "
        "FROM temp.changed JOIN temp.matched m ON m.place = changed.place "
        f"JOIN temp.incoming i ON i.place = m.place WHERE m.row = row.id AND {_NEW_INPUTS}",
        {"at": at},
    )


def _insert_new(db: sqlite3.Connection, at: float) -> int:
    (last,) = db.execute("SELECT COALESCE(MAX(id), 0) FROM row").fetchone()
    done = db.execute(
        "INSERT INTO row (key, place, fingerprint, arguments, price, changed_at) "
        "SELECT m.key, m.place, i.fingerprint, i.arguments, i.price, :at FROM temp.matched m "
        "JOIN temp.incoming i ON i.place = m.place WHERE m.row IS NULL AND i.problem IS NULL ORDER BY m.place",
        {"at": at},
    )
    db.execute(
        "UPDATE temp.matched SET row = row.id FROM main.row WHERE row.id > ? AND matched.place = row.place", (last,)
    )
    return done.rowcount


def _replace_sheet(db: sqlite3.Connection) -> None:
    """Only what is no longer so is written: a sheet that was read before is a million records of nothing new."""
    db.execute("DELETE FROM sheet WHERE place NOT IN (SELECT place FROM temp.incoming)")
    db.execute(
        "INSERT OR REPLACE INTO sheet (place, number, row, edited, problem) SELECT * FROM ("
        "SELECT i.place, i.number, m.row, COALESCE(i.fingerprint IS NOT row.fingerprint AND m.row IS NOT NULL, 0) "
        "AS edited, i.problem FROM temp.incoming i JOIN temp.matched m ON m.place = i.place "
        "LEFT JOIN main.row ON row.id = m.row) AS read "
        "WHERE NOT EXISTS (SELECT 1 FROM sheet WHERE sheet.place = read.place AND sheet.number = read.number "
        "AND sheet.row IS read.row AND sheet.edited = read.edited AND sheet.problem IS read.problem) ORDER BY place"
    )
