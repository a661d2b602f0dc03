"""Tries whether a folder's file system can hold a ledger: a lock that holds, and a write-ahead log."""

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path


def cannot_hold_ledger(folder: Path) -> str | None:
    """What is the matter with it; None where nothing is. Leaves nothing behind.

    Raises:
        OSError: nothing can be written there at all.
    """
    from filelock import FileLock, Timeout

    with tempfile.TemporaryDirectory(prefix=".kling-batch-", dir=folder) as own:
        path = Path(own, "try")
        try:
            with FileLock(path.with_suffix(".lock"), timeout=0, is_singleton=False):
                try:
                    FileLock(path.with_suffix(".lock"), timeout=0, is_singleton=False).acquire()
                except Timeout:
                    pass
                else:
                    return "a lock there keeps nobody out"
            with closing(sqlite3.connect(path)) as db:
                (mode,) = db.execute("PRAGMA journal_mode = WAL").fetchone()
                db.execute("CREATE TABLE tried (one)")
        except (sqlite3.Error, NotImplementedError) as error:
            return f"SQLite cannot work there ({error})"
    return None if mode == "wal" else "SQLite cannot keep a write-ahead log there"
