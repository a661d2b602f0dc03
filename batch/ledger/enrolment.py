"""Writes what matching found: new rows, edited inputs, and the manifest as it stands now."""

import sqlite3
from dataclasses import replace

from batch.ledger.ledger import Ledger
from batch.ledger.matching import Findings
from batch.ledger.snapshot import ManifestSnapshot, save_snapshot


def enrol(ledger: Ledger, at: float, *, new: bool, snapshot: ManifestSnapshot | None = None) -> int:
    """Writes what `match` found: where each row stands, edited inputs of rows not sent yet, and new rows.

    Args:
        at: now, seconds since 1970.
        new: whether records without a row are enrolled; else they wait for the next run.
        snapshot: what was matched, where the same bytes will always mean the same.

    Returns: how many rows were enrolled.
    """
    with ledger.transaction():
        ledger.db.execute(
            "INSERT OR IGNORE INTO endpoint (name) SELECT DISTINCT endpoint FROM temp.incoming WHERE problem IS NULL"
        )
        _replace_rows(ledger.db, at)
        enrolled = _insert_new(ledger.db, at) if new else 0
        _replace_sheet(ledger.db)
        save_snapshot(ledger, snapshot and replace(snapshot, final=_final(ledger.db)))
    return enrolled


def _final(db: sqlite3.Connection) -> bool:
    """Every record has what it asks for: none waits for a row, and no row under way for its record's new inputs."""
    (found,) = db.execute(
        "SELECT EXISTS (SELECT 1 FROM sheet WHERE row IS NULL AND problem IS NULL) OR EXISTS ("  # noqa: S608 - ours
        "SELECT 1 FROM main.row CROSS JOIN temp.matched m ON m.row = row.id JOIN temp.incoming i ON i.place = m.place "
        f"WHERE row.state IN ('submitting', 'submitted', 'in_doubt') AND i.problem IS NULL AND {_OTHER_INPUTS})"
    ).fetchone()
    return not found


def last_findings(ledger: Ledger) -> Findings:
    """What the manifest was found to hold when it was last read, without the lists."""
    return Findings(*ledger.db.execute("SELECT COUNT(*), COUNT(problem) FROM sheet").fetchone())


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
    _take_counts(db)


_ENDPOINT = "(SELECT id FROM main.endpoint WHERE name = i.endpoint)"
_OTHER_INPUTS = (
    "(row.fingerprint <> i.fingerprint OR row.arguments <> i.arguments OR row.price IS NOT i.price "
    f"OR row.endpoint_id <> {_ENDPOINT})"
)
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
        f"price = i.price, endpoint_id = {_ENDPOINT}, "
        "changed_at = CASE WHEN row.fingerprint <> i.fingerprint THEN :at ELSE changed_at END "
        "FROM temp.changed JOIN temp.matched m ON m.place = changed.place "
        f"JOIN temp.incoming i ON i.place = m.place WHERE m.row = row.id AND {_NEW_INPUTS}",
        {"at": at},
    )


def _take_counts(db: sqlite3.Connection) -> None:
    """How many takes a row is to have, as the manifest says now; a row that has its video has what it was to have."""
    db.execute(
        "UPDATE row SET takes_wanted = i.takes FROM temp.incoming i JOIN temp.matched m ON m.place = i.place "
        "WHERE m.row = row.id AND i.takes IS NOT NULL AND row.takes_wanted <> i.takes AND row.state <> 'succeeded'"
    )


def _insert_new(db: sqlite3.Connection, at: float) -> int:
    (last,) = db.execute("SELECT COALESCE(MAX(id), 0) FROM row").fetchone()
    done = db.execute(
        "INSERT INTO row (key, place, fingerprint, arguments, price, endpoint_id, changed_at, takes_wanted) "  # noqa: S608 - ours
        f"SELECT m.key, m.place, i.fingerprint, i.arguments, i.price, {_ENDPOINT}, :at, COALESCE(i.takes, 1) "
        "FROM temp.matched m "
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
