"""Keeps which ledgers a book knows: where each stood, and under which token it ran last."""

import os
from pathlib import Path
from typing import Any, NamedTuple

from batch.account.book import AccountBook

_COLUMNS = "n, id, table_path, ledger_path, table_file, token, previous, generation, used"


class LedgerEntry(NamedTuple):
    """A ledger as the book knows it."""

    n: int
    id: str
    table: str
    """The path of its table."""
    path: str
    table_file: str
    token: str
    previous: str
    generation: int
    used: int

    def accepts(self, token: str) -> bool:
        """Whether a ledger with this token is the one that ran last: one write of the two may be missing."""
        return token == self.token or (token == self.previous and not self.used)


def entry_of(book: AccountBook, ledger_id: str) -> LedgerEntry | None:
    """The ledger with that id."""
    found = book.db.execute(f"SELECT {_COLUMNS} FROM ledger WHERE id = ?", (ledger_id,)).fetchone()  # noqa: S608 - ours
    return _entry(found) if found else None


def entry(book: AccountBook, n: int) -> LedgerEntry:
    """The n-th ledger."""
    found = book.db.execute(f"SELECT {_COLUMNS} FROM ledger WHERE n = ?", (n,)).fetchone()  # noqa: S608 - ours
    return _entry(found)


def other_entries(book: AccountBook) -> list[LedgerEntry]:
    """Every ledger but this one."""
    found = book.db.execute(f"SELECT {_COLUMNS} FROM ledger WHERE n <> ?", (book.ledger,))  # noqa: S608 - ours
    return [_entry(one) for one in found]


def enter(book: AccountBook, ledger_id: str, table: Path, path: Path, token: str) -> int:
    """A run begins with this ledger: its places and its new token are kept. How many runs there were."""
    book.begin()
    ((book.ledger, generation),) = book.db.execute(
        "INSERT INTO ledger (id, table_path, ledger_path, table_file, token, previous, generation) "
        "VALUES (?, ?, ?, ?, ?, '', 1) ON CONFLICT (id) DO UPDATE SET table_path = excluded.table_path, "
        "ledger_path = excluded.ledger_path, table_file = excluded.table_file, previous = token, "
        "token = excluded.token, generation = generation + 1, used = 0 RETURNING n, generation",
        (ledger_id, as_text(table), as_text(path), file_identity(table), token),
    ).fetchall()
    book.token = token
    return int(generation)


def note_place(book: AccountBook, ledger_id: str, table: Path, path: Path) -> None:
    """A ledger was moved with its table, and no run has begun since that buys."""
    book.begin()
    book.db.execute(
        "UPDATE ledger SET table_path = ?, ledger_path = ?, table_file = ? WHERE id = ?",
        (as_text(table), as_text(path), file_identity(table), ledger_id),
    )


def _entry(row: tuple[Any, ...]) -> LedgerEntry:
    found = LedgerEntry(*row)
    return found._replace(table=str(from_text(found.table)), path=str(from_text(found.path)))


def as_text(path: Path) -> str:
    """A path as a database keeps it, in whatever code page: bytes that are no letters stand as U+F780 to U+F7FF."""
    letters = os.fsencode(path).decode("utf-8", "surrogateescape")
    return "".join(chr(ord(one) - 0xDC80 + 0xF780) if "\udc80" <= one <= "\udcff" else one for one in letters)


def from_text(text: str) -> Path:
    """The same path again."""
    letters = "".join(chr(ord(one) - 0xF780 + 0xDC80) if "\uf780" <= one <= "\uf7ff" else one for one in text)
    return Path(os.fsdecode(letters.encode("utf-8", "surrogateescape")))


def unknown_to(book: AccountBook, n: int, request_ids: set[str]) -> int:
    """How many requests the n-th ledger has in the book that are not among these."""
    found = book.db.execute("SELECT request_id FROM purchase WHERE ledger = ? AND request_id IS NOT NULL", (n,))
    return sum(name not in request_ids for (name,) in found)


def file_identity(path: Path) -> str:
    """Device, inode and time: the same file by whatever name, as it was. Empty where there is none.

    An inode alone is given to the next file as soon as one is gone.
    """
    if not path.exists():
        return ""
    status = path.stat()
    return f"{status.st_dev}:{status.st_ino}:{status.st_mtime_ns}"
