"""The ledger as a file: made whole or not at all, opened, upgraded, locked by one process."""

import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.resources import files
from itertools import count
from pathlib import Path

from batch.core.paths import recovery, table_of
from batch.core.states import TRANSITIONS
from batch.errors import LedgerBusy, LedgerError, LedgerLost
from batch.files.atomic import sync_folder
from batch.files.permissions import make_folder_like, make_like, mode_like
from batch.ledger.soundness import require_sound, restore_rules
from batch.ledger.write_ahead_log import (
    close_ledger,
    is_untouched,
    mark_closed,
    mark_open,
    require_log,
    require_one_name,
)

VERSION = 8
TAKES_SINCE = 7
"""The version from which on a ledger has a table of its takes; `find_past_takes` finds them in one before."""
_APPLICATION_ID = 0x6B6C6E67  # "klng": tells a ledger from any other SQLite file


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds the ledger for one process; the lock dies with it.

    Raises:
        LedgerBusy: another process holds it.
    """
    from filelock import FileLock, Timeout

    table = table_of(path)
    try:
        make_folder_like(path.parent, table)
        lock = FileLock(f"{path}.lock", timeout=0, mode=mode_like(table.stat()) if table.exists() else 0o644)
        lock.acquire()
    except Timeout as error:
        raise LedgerBusy(
            f"another run is at work on {path.name.removesuffix('.ledger')}: this one does nothing"
        ) from error
    except OSError as error:
        raise LedgerError(f"cannot write beside the table: {path}.lock: {error.strerror or error}") from error
    try:
        yield
    finally:
        lock.release()


def is_locked(path: Path) -> bool:
    """Whether a process holds the ledger now. Asks without holding it up, and makes no file."""
    if not Path(f"{path}.lock").exists():
        return False
    if sys.platform == "win32":
        from filelock import FileLock, Timeout

        try:
            FileLock(f"{path}.lock", timeout=0).acquire().lock.release()
        except Timeout:
            return True
        return False
    import fcntl

    descriptor = os.open(f"{path}.lock", os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)  # given up as it is closed
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Makes the ledger where there is none.

    Raises:
        LedgerError: damaged, no ledger, of a newer version, without its log, or of more than one name.
    """
    with _readable_errors(path):
        if not path.exists():
            _make(path)
        require_one_name(path)
        changed_at = path.stat().st_ctime  # no copying tool can set it
        connection = _connect_existing(path, "rw")
        with _closed_on_error(connection):
            _check_version(connection, path)
            _check_whole(connection, path)
            upgrade(connection)
            _restore_rules(connection)
            require_sound(connection, whole=not is_untouched(connection, changed_at))
            mark_closed(connection)
            connection.execute("PRAGMA journal_mode = WAL")
            mark_open(connection, changed_at)
    return connection


def open_for_reading(path: Path) -> sqlite3.Connection:
    """An existing ledger, also while a run writes it.

    Raises:
        LedgerError: as above.
    """
    with _readable_errors(path):
        connection = _connect_for_reading(path)
        with _closed_on_error(connection):
            _check_version(connection, path)
            require_sound(connection, whole=False)
    return connection


def connect(uri: str) -> sqlite3.Connection:
    """An SQLite database of any name; every commit waits for the disk."""
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=30.0, check_same_thread=False)
    with _closed_on_error(connection):
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _connect_existing(path: Path, mode: str) -> sqlite3.Connection:
    """Never of 0 bytes: SQLite would take it for a new database, and throw away what still stands in its log."""
    if not path.stat().st_size:
        raise LedgerError(
            f"{path} is not a ledger of kling-batch, or it was cut off (0 bytes): put a copy of it back; "
            f"without one, {recovery(path)}"
        )
    require_log(path)
    return connect(f"{path.absolute().as_uri()}?mode={mode}")


def _connect_for_reading(path: Path) -> sqlite3.Connection:
    try:
        return _connect_existing(path, "ro")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_READONLY_ROLLBACK:
            raise
    # A run was killed while it closed the ledger: opening it for writing takes back what was half written.
    _connect_existing(path, "rw").close()
    return _connect_existing(path, "ro")


@contextmanager
def _closed_on_error(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise


def _make(path: Path) -> None:
    """Whole or not at all: an empty ledger that is found is a damaged one, never a new one."""
    log = path.with_name(path.name + "-wal")
    if log.exists() and log.stat().st_size:  # it would be read into the new ledger
        raise LedgerError(
            f"{path} is missing, but its log {log.name} is there: put the ledger back beside it; "
            f"without one, {recovery(path)}"
        )
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    make_like(fresh, table_of(path))  # so do its logs, which SQLite makes like the ledger itself
    connection = connect(fresh.absolute().as_uri())
    try:
        write_schema(connection)
    finally:
        connection.close()
    fresh.rename(path)
    sync_folder(path.parent)


def without_log(path: Path, copy: Path) -> bool:
    """Copies a ledger whose log is lost, as it stands in its file; whether that is a whole ledger, of some time ago."""
    try:
        _copy(path, copy)
    except OSError:
        return False
    with copy.open("r+b") as file:  # SQLite, file format: written and read without a log
        file.seek(18)
        file.write(b"\1\1")
    return is_whole(copy)


def is_whole(path: Path) -> bool:
    """Whether it is a ledger that can be used; brought up to date where it is."""
    try:
        connection = open_for_writing(path)
    except LedgerError:
        return False
    close_ledger(connection, path, time.time())
    return True


def replace_ledger(draft: Path, path: Path) -> None:
    """Puts a ledger into another one's place, which is kept beside it, log and all, under a name of its own."""
    kept = next(name for n in count(1) if not (name := path.with_name(f"{path.name}.lost-{n}")).exists())
    if (log := path.with_name(path.name + "-wal")).exists():  # it would be read into the new one
        log.rename(kept.with_name(kept.name + "-wal"))
    path.with_name(path.name + "-shm").unlink(missing_ok=True)
    if path.is_dir():
        path.rename(kept)
    elif path.exists():
        _copy(path, kept)
    draft.replace(path)
    sync_folder(path.parent)


def _copy(path: Path, copy: Path) -> None:
    """No less private than the table: a ledger names its prompts."""
    copy.unlink(missing_ok=True)
    make_like(copy, table_of(path))
    copy.write_bytes(path.read_bytes())


def remove_new(path: Path) -> None:
    """Takes away a ledger from which nothing was submitted, and its log where closing it could not."""
    path.unlink()
    for end in ("-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)


def write_schema(connection: sqlite3.Connection) -> None:
    """Makes a ledger of an empty database."""
    connection.executescript(f"BEGIN; {_sql('schema.sql')} COMMIT;")
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO edge (old, new) VALUES (?, ?)", sorted(TRANSITIONS))
    connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")


def _sql(name: str) -> str:
    return files("batch.ledger").joinpath(name).read_text(encoding="utf-8")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _check_version(connection: sqlite3.Connection, path: Path) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    version = _version(connection)
    if application != _APPLICATION_ID:
        raise LedgerError(
            f"{path} is not a ledger of kling-batch, or it was cut off: put a copy of it back; "
            f"without one, {recovery(path)}"
        )
    if version > VERSION:
        raise LedgerError(f"{path} was written by a newer kling-batch (ledger version {version}): update it")


def _check_whole(connection: sqlite3.Connection, path: Path) -> None:
    (page,) = connection.execute("PRAGMA page_size").fetchone()
    if path.stat().st_size % page:  # SQLite fills up a last page that was cut short, and says nothing
        raise sqlite3.DatabaseError("its last page is cut short")
    found = [line for (line,) in connection.execute("PRAGMA quick_check(1)")]
    if found != ["ok"]:
        raise sqlite3.DatabaseError(" ".join(found[0].split()))


def upgrade(connection: sqlite3.Connection) -> None:
    """A ledger of an older version takes one step after the other, each whole or not at all."""
    version = _version(connection)
    if version < TAKES_SINCE:
        find_past_takes(connection)
    for step in range(version + 1, VERSION + 1):
        changes = _sql(f"migrations/{step:03}.sql")
        try:
            connection.executescript(f"BEGIN IMMEDIATE; {changes} PRAGMA user_version = {step}; COMMIT;")
        except BaseException:
            if connection.in_transaction:  # SQLite has rolled back by itself where the disk is full
                connection.execute("ROLLBACK")
            raise
    connection.execute("DROP VIEW IF EXISTS temp.past_take")


def find_past_takes(connection: sqlite3.Connection) -> None:
    """Makes the view `past_take` of them, in a ledger from before there was a table."""
    connection.executescript(_sql("past_takes.sql"))


def _restore_rules(connection: sqlite3.Connection) -> None:
    with closing(connect("file::memory:")) as sound:
        write_schema(sound)
        restore_rules(connection, sound)


@contextmanager
def _readable_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.DatabaseError, OSError, UnicodeDecodeError) as error:  # the last: damage in the text of the schema
        raise unusable(path, error) from error


@contextmanager
def write_errors(path: Path) -> Iterator[None]:
    """While a run is on: what SQLite fails on ends it, and money may have been spent.

    Raises:
        LedgerLost: in place of SQLite's own error.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise LedgerLost(
            f"the ledger {path} cannot be written any more ({error}): make room on the disk, or mend "
            "what keeps it from being written, and run again. Nothing more was submitted; what was is picked up"
        ) from error


def unusable(path: Path, error: Exception) -> LedgerError:
    """What to tell the user about a ledger that SQLite fails on."""
    return LedgerError(
        f"the ledger {path} cannot be used ({error}): it may be damaged, or on a full or read-only disk. "
        f"Nothing was submitted. Put a copy of it back; without one, {recovery(path)}"
    )
