"""Tells from a ledger's bytes whether its log was lost, before SQLite opens it and makes a new one.

While a ledger is open for writing, the latest of it stands in a log of SQLite's beside it (`-wal`), and bytes 18 and 19
of its header are 2 (SQLite, file format). `closed` in `meta` says what is in the file alone: it is emptied, in the file
itself, before anything else is written to the log, and filled again, in the file itself, before the log is given up. A
kill in between leaves either the log, or a file that says that the log held nothing.
"""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from batch.core.paths import recovery
from batch.errors import LedgerError

CLOSED = "closed"
"""When the ledger was last closed with all of it in its file, seconds since 1970; empty while it is open."""
UNASKED = "unasked"
"""Filled while fal's records have to be asked what was bought without this ledger."""
CLOSING_SECONDS = 1.0
"""A file that was changed longer than this after it was closed was put there, or changed, by somebody else."""
_WAL = b"\2\2"


def require_log(path: Path) -> None:
    """Reads a few bytes, opens nothing for writing, makes no file.

    Raises:
        LedgerError: the log is gone, and with it the last that was bought.
    """
    log = path.with_name(path.name + "-wal")
    journal = path.with_name(path.name + "-journal")  # there only while the log is taken into use, or given up
    with path.open("rb") as file:
        header = file.read(20)
    if header[18:20] != _WAL or _filled(log) or _filled(journal) or _closed_in_file(path):
        return
    lost = "is empty" if log.exists() else "is missing"
    raise LedgerError(
        f"the ledger {path} cannot be used: its log {log.name} {lost}, and with it what was bought last (unless a "
        "database program opened the ledger since, which takes the log into the file unseen). Nothing was submitted. "
        f"Put a copy of it back beside the ledger, with the ledger that it stood beside; without one, {recovery(path)}"
    )


def require_one_name(path: Path) -> None:
    """SQLite keeps a log for each name of a file, and none of them knows the others.

    Raises:
        LedgerError: the file has another name (a hard link).
    """
    if path.is_file() and (names := path.stat().st_nlink) > 1:
        raise LedgerError(
            f"the ledger {path} has {names} names (hard links), each of which would have a log of its own: nothing was "
            f"submitted. See that no run is at work under another name (`find / -samefile {path}` lists them), then "
            "remove the others, or move them to a copy"
        )


def mark_closed(connection: sqlite3.Connection) -> None:
    """Says of a ledger that has never been said to be closed, and has no log, that it is; before it gets one."""
    if connection.execute("PRAGMA journal_mode").fetchone() == ("delete",):
        connection.execute("INSERT OR IGNORE INTO meta (name, value) VALUES (?, '0')", (CLOSED,))


def is_untouched(connection: sqlite3.Connection, changed_at: float) -> bool:
    """Whether nobody has changed the file since it was closed: a copy of it is a file that was changed later.

    Args:
        changed_at: as for `mark_open`.
    """
    closed = _closed_at(connection)
    return closed is not None and abs(changed_at - closed) <= CLOSING_SECONDS


def _closed_at(connection: sqlite3.Connection) -> float | None:
    """When it was closed; None where it was not, or nobody can tell."""
    found = connection.execute("SELECT value FROM meta WHERE name = ?", (CLOSED,)).fetchone()
    try:
        return float(found[0]) if found else None
    except (TypeError, ValueError):
        return None


def mark_open(connection: sqlite3.Connection, changed_at: float) -> None:
    """Says in the file itself that from here on the log is needed.

    Args:
        changed_at: when the file was last changed before it was opened.
    """
    closed = _closed_at(connection)
    continued = closed is not None and changed_at <= closed + CLOSING_SECONDS
    marks = [(CLOSED, "")] if continued else [(CLOSED, ""), (UNASKED, "1")]
    values = ", ".join("(?, ?)" for _ in marks)
    connection.execute(
        f"INSERT OR REPLACE INTO meta (name, value) VALUES {values}",  # noqa: S608 - question marks
        [text for mark in marks for text in mark],
    )
    connection.execute("PRAGMA wal_checkpoint(FULL)").fetchall()


def close_ledger(connection: sqlite3.Connection, path: Path, now: float) -> None:
    """Brings all of the ledger into its file; where somebody reads it, or the disk is full, the log stays beside it."""
    try:
        if connection.in_transaction:  # what was left in the middle of it was never said to be written
            connection.execute("ROLLBACK")
        connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (CLOSED, str(now)))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.close()
    except sqlite3.Error:
        # The last one that writes would delete the log as it closes, and the file would not say that it may.
        with suppress(sqlite3.Error), closing(_reader(path)) as reader:
            reader.execute("SELECT 1 FROM meta").fetchone()
            connection.close()
    finally:
        connection.close()


def _reader(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def _filled(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


def _closed_in_file(path: Path) -> bool:
    """Whether the file alone says that nothing was left in the log."""
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"  # no log is looked for, and none made
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        found = connection.execute("SELECT value FROM meta WHERE name = ?", (CLOSED,)).fetchone()
    return bool(found and found[0])
