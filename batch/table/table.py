"""Defines what every table can do: give records of plain strings, and write our columns beside them."""

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from batch.errors import ManifestError
from batch.files.atomic import DIGEST
from batch.table.column import Cell, Column

Signature = tuple[int, int, int]


class TableChanged(Exception):
    """The file is no longer the one that was opened, and nothing was written: open it again and merge."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record of the user's."""

    number: int
    """The row as a spreadsheet numbers it: the header is row 1, blank lines count, a quoted newline does not."""
    cells: tuple[str, ...]
    """One text per column of the header, "" where the record is shorter."""
    extra: tuple[str, ...] = ()
    """What stands beyond the header's width."""
    misquoted: tuple[tuple[int, str], ...] = ()
    """Cells that are not read as they are written, for quotes in them do not enclose the whole: position, raw text."""


class Table(ABC):
    """A manifest as it stood when it was opened. After it was written onto itself, it has to be opened again."""

    path: Path
    """As the user gave it."""
    columns: tuple[str, ...]
    """The header's names as they stand, duplicates and blanks included."""

    delimiter: str = ","
    """What stands between cells, where the file is text; "" where nothing can be misplaced."""

    header_row: int = 1
    """The row in which the titles stand."""
    above: Sequence[str] = ()
    """What the rows above it begin with, where they are not blank."""

    guessed: str | None = None
    """The code page in which it is read, where nothing in the file names one."""

    count: int | None
    """How many records there are, once `records` has come to the end."""

    width: int | None
    """Cells of the widest record, the header among them: likewise, or told by who knows it, which spares a reading."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = self.width = None
        self._signature = signature(path.stat())

    def digest(self) -> str:
        """Of the file's bytes. Raises ManifestError, TableChanged as `records` does."""
        self.require_unchanged()
        try:
            with self.path.open("rb") as file:
                found = hashlib.file_digest(file, DIGEST).hexdigest()
        except OSError as fault:
            self.require_unchanged()
            raise ManifestError(f"{self.path} cannot be read: {fault}") from fault
        self.require_unchanged()
        return found

    @abstractmethod
    def records(self, wanted: Iterable[int] | None = None) -> Iterator[Record]:
        """Read the file from its start, in little memory; any number of times.

        `wanted`: the positions of the columns whose cells are asked for; the others may be blank. None: all.

        Raises ManifestError for a damaged file, TableChanged if it is no longer the one that was opened.
        """

    def append(self, rows: Sequence[Mapping[int, str]]) -> None:
        """Put new rows of the user's below the last one: position of a column → text.

        Raises:
            ManifestError: this table cannot take them.
            TableChanged, TargetLocked: as `write` does.
        """
        raise ManifestError(
            f"{self.path}: {len(rows)} new rows cannot be put into this kind of file; write a new table (.csv or .xlsx)"
        )

    def require_writable(self, columns: Sequence[Column]) -> None:  # noqa: B027 - most can always be written
        """Raise ManifestError where these columns of ours cannot be written into this table."""

    @abstractmethod
    def write(
        self,
        target: Path,
        columns: Sequence[Column],
        rows: Iterable[Sequence[Cell]],
        proof: Iterable[Sequence[Cell]] | None = None,
    ) -> str:
        """Write this table with `columns` of ours to `target`, which is the old or the new file at every instant.

        `rows` holds one cell per column for every record, in the order of `records()`. A column whose name the header
        holds is filled where it stands (the last one of that name; but ours are never the first ones of a Parquet
        file), others are appended. A target that would not change is left alone. Raises TableChanged, TargetLocked, or
        ManifestError for a damaged source.

        `proof`: the same rows once more, to be compared with what is read back before the target is replaced; raises
        ManifestError where that differs.

        Returns: the digest of the bytes that the target holds.
        """

    @abstractmethod
    def as_read(self, columns: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> Iterator[Sequence[str]]:
        """The texts that `records` gives for these cells of ours once they are written."""

    def names_as_read(self, columns: Sequence[Column]) -> list[str]:
        """The names that our columns have once they are written."""
        return [column.name for column in columns]

    def notes(self, positions: Iterable[int]) -> Iterator[str]:  # noqa: ARG002 - most tables need none
        """What a person should know of how these columns were read. Raises as `records` does."""
        return iter(())

    def same_users_bytes(self, copy: "Table", before: Sequence[int], after: Sequence[int]) -> bool | None:  # noqa: ARG002
        """Whether a table that was made of this one has the same user's part, where bytes tell; None: its cells tell.

        Args:
            before, after: the positions of the user's columns, here and there.
        """
        return None

    def reopened(self, path: Path) -> "Table":
        """Another file, read as this one is."""
        return type(self)(path)

    def unchanged(self) -> bool:
        """Whether the file on disk is still the one that was opened."""
        try:
            return signature(self.path.stat()) == self._signature
        except OSError:
            return False

    def require_unchanged(self) -> None:
        """Raise TableChanged unless the file is still the one that was opened."""
        if not self.unchanged():
            raise TableChanged(f"{self.path} was changed by another program since it was read")


def signature(status: os.stat_result) -> Signature:
    """What tells one state of a file from another."""
    return status.st_ino, status.st_size, status.st_mtime_ns
