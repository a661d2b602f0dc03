"""The book as a file: named by a hash of the key, made whole or not at all, kept aside where damaged."""

import hashlib
import os
import secrets
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from importlib.resources import files
from itertools import count
from pathlib import Path
from typing import Any

from batch.errors import LedgerError

VERSION = 4
_APPLICATION_ID = 0x6B6C6262  # "klbb": tells a book from a ledger, and from any other SQLite file
BUSY_SECONDS = 30.0
"""How long the other runs of the account are waited for, each of which holds the book for a moment."""


class BookFailed(sqlite3.DatabaseError):
    """SQLite's error about the book: known from one about the ledger, which SQLite does not tell."""


class _BookUnwritable(BookFailed, sqlite3.OperationalError):
    """The disk, its rights, or a lock: no damage."""


class _BookConnection(sqlite3.Connection):
    """A connection whose errors are known as the book's."""

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        with _known():
            return super().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
        with _known():
            return super().executemany(sql, parameters)


@contextmanager
def _known() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise _named(_BookUnwritable(*error.args), error) from error
    except sqlite3.DatabaseError as error:
        if type(error) is not sqlite3.DatabaseError:  # a broken constraint is a fault of ours
            raise
        raise _named(BookFailed(*error.args), error) from error


def _named(known: sqlite3.Error, error: sqlite3.Error) -> sqlite3.Error:
    known.sqlite_errorcode = error.sqlite_errorcode
    known.sqlite_errorname = error.sqlite_errorname
    return known


class NoBook(LedgerError):
    """There is no book to keep, and why: the run goes by its own ledger and fal's history alone."""


def book_path(secret: str) -> Path:
    """Where the book of a key stands; its name gives nothing of the key away."""
    name = hashlib.blake2b(secret.strip().encode(), digest_size=16, person=b"kling-batch book").hexdigest()
    home = os.environ.get("XDG_STATE_HOME", "")
    state = Path(home) if Path(home).is_absolute() else Path.home() / ".local" / "state"
    return state / "kling-batch" / f"{name}.book"


def open_book_file(path: Path) -> sqlite3.Connection:
    """Opens the book for writing; makes it where there is none, and anew in place of a damaged one, which is kept.

    Raises:
        NoBook: it cannot be made or written, or is of a newer version.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _make(path)
        try:
            return _opened(path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):  # the disk, or its rights: no damage
                raise
            _keep_aside(path)
            _make(path)
            return _opened(path)
    except (OSError, sqlite3.Error) as error:
        raise NoBook(f"the account's book {path} cannot be written ({error})") from error


def file_of(connection: sqlite3.Connection) -> Path:
    """The file that the connection has opened."""
    ((_, _, path),) = connection.execute("PRAGMA database_list").fetchall()[:1]
    return Path(path)


def standing_file(connection: sqlite3.Connection) -> tuple[int, int] | None:
    """Device and inode of the file that stands now where the connection's was opened; None: none does."""
    try:
        status = file_of(connection).stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _make(path: Path) -> None:
    fresh = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}.new")
    os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with closing(_connect(fresh)) as connection:
            schema = files("batch.account").joinpath("schema.sql").read_text(encoding="utf-8")
            connection.executescript(f"BEGIN; {schema} COMMIT;")
            born = [("id", secrets.token_hex(16)), ("born_at", str(time.time())), ("trusted_from", "0")]
            connection.executemany("INSERT INTO meta VALUES (?, ?)", born)
            connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {VERSION}")
        try:
            os.link(fresh, path)  # where another run has made one meanwhile, that one counts
        except FileExistsError:
            return
    finally:
        fresh.unlink(missing_ok=True)


def _opened(path: Path) -> sqlite3.Connection:
    connection = _connect(path)
    try:
        _require_book(connection, path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_autocheckpoint = 4000")
    except BaseException:
        connection.close()
        raise
    return connection


def _require_book(connection: sqlite3.Connection, path: Path) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != _APPLICATION_ID or connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
        raise sqlite3.DatabaseError("it is damaged, or no book of kling-batch")
    if version > VERSION:
        raise NoBook(f"the account's book {path} was written by a newer kling-batch (version {version}): update it")
    if version < VERSION:
        _upgrade(connection)


def _upgrade(connection: sqlite3.Connection) -> None:
    """Step by step, all of it or nothing; whoever comes second finds it done."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        for step in range(version + 1, VERSION + 1):
            script = files("batch.account").joinpath("migrations", f"{step:03}.sql").read_text(encoding="utf-8")
            for statement in script.split(";\n"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {step}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, isolation_level=None, timeout=BUSY_SECONDS, check_same_thread=False, factory=_BookConnection
    )
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _keep_aside(path: Path) -> None:
    kept = next(name for n in count(1) if not (name := path.with_name(f"{path.name}.damaged-{n}")).exists())
    path.rename(kept)
    path.with_name(f"{path.name}-shm").unlink(missing_ok=True)
    if (log := path.with_name(f"{path.name}-wal")).exists():  # it would be read into the new one
        log.rename(f"{kept}-wal")
