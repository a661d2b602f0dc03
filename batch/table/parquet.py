"""Reads and writes a Parquet manifest: every byte of the user's kept, our columns have types."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from batch.errors import ManifestError
from batch.files.atomic import replacing
from batch.table.column import Cell, Column
from batch.table.parquet_cells import arrays, texts
from batch.table.parquet_footer import KEY_VALUES, MAGIC, FooterError, ending, read_contents
from batch.table.parquet_merge import selected
from batch.table.parquet_notes import of_selected
from batch.table.parquet_splice import BLOCK, Splice, copy, plan
from batch.table.proof import prove
from batch.table.table import Record, Table
from batch.table.thrift_compact import STRUCT, ThriftError, encode

READ_AT_ONCE = 1024  # rows; each may hold an image as a data URI


class ParquetTable(Table):
    """A Parquet file."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with self._opened() as file:
            self._size = path.stat().st_size
            self._contents = read_contents(file, self._size)
        self.columns = tuple(column.name for column in self._contents.footer.columns)
        self.width = len(self.columns)
        if not self.columns:
            raise ManifestError(f"{path} has no columns")

    def records(self, wanted: Iterable[int] | None = None) -> Iterator[Record]:
        """See Table."""
        positions = sorted(set(range(len(self.columns)) if wanted is None else wanted))
        number = 1
        for cells in self._rows(positions):
            number += 1
            yield Record(number, cells)
        self.count = number - 1

    def require_writable(self, columns: Sequence[Column]) -> None:
        """See Table."""
        self._plan(columns)

    def write(
        self,
        target: Path,
        columns: Sequence[Column],
        rows: Iterable[Sequence[Cell]],
        proof: Iterable[Sequence[Cell]] | None = None,
    ) -> str:
        """See Table."""
        splice = self._plan(columns) if columns else None
        with replacing(target, self.require_unchanged, self.path) as sink, self._opened() as source:
            if splice is None:
                copy(source, sink, self._size)
            else:
                splice.write(source, sink, iter(rows))
            if proof is not None:
                sink.flush()
                prove(self, sink.path, columns, proof)
        return sink.digest()

    def as_read(self, columns: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> Iterator[Sequence[str]]:
        """See Table."""
        left = iter(rows)
        while len((some := arrays(columns, left, READ_AT_ONCE))[0]):
            yield from zip(*(texts(array) for array in some), strict=True)

    def same_users_bytes(self, copy: Table, before: Sequence[int], after: Sequence[int]) -> bool:
        """See Table. The same bytes in front, and what pyarrow makes of the whole file beside ours."""
        if not isinstance(copy, ParquetTable) or copy._contents.users.end != self._contents.users.end:
            return False
        with self.path.open("rb") as one, copy.path.open("rb") as other:
            left = self._contents.users.end
            while left:
                block = one.read(min(BLOCK, left))
                if not block or other.read(len(block)) != block:
                    return False
                left -= len(block)
        return self._fields(before) == copy._fields(after)

    def _fields(self, positions: Sequence[int]) -> list[Any] | None:
        """What these columns are to pyarrow; None if it cannot open the file, which then is so before and after."""
        try:
            schema = pq.read_schema(self.path)
        except _UNREADABLE:
            return None
        return [schema.field(at) for at in positions]

    def _plan(self, columns: Sequence[Column]) -> Splice:
        try:
            return plan(self._contents, columns)
        except FooterError as fault:
            raise ManifestError(f"{self.path} {fault}") from fault

    @contextmanager
    def _opened(self) -> Iterator[BinaryIO]:
        """The file that was opened, or TableChanged."""
        self.require_unchanged()
        try:
            with self.path.open("rb") as file:
                yield file
        except (FooterError, ThriftError) as fault:
            self.require_unchanged()
            reason = str(fault) if isinstance(fault, FooterError) else f"is damaged ({fault}); write it again"
            raise ManifestError(f"{self.path} {reason}") from fault
        except OSError as fault:
            self.require_unchanged()
            raise ManifestError(f"{self.path} cannot be read ({fault.strerror or fault}); write it again") from fault
        self.require_unchanged()

    def _rows(self, positions: Sequence[int]) -> Iterator[tuple[str, ...]]:
        width = len(self.columns)
        if not positions:
            yield from repeat(("",) * width, sum(self._contents.footer.rows))
            return
        for read in self._batches(positions):
            blank = [""] * len(read[0])
            found = dict(zip(positions, read, strict=True))
            yield from zip(*(found.get(at, blank) for at in range(width)), strict=True)

    def _batches(self, positions: Sequence[int]) -> Iterator[list[list[str]]]:
        """The texts of these columns, some rows at a time."""
        self.require_unchanged()
        try:
            with self._reader(positions) as reader:
                for batch in reader.iter_batches(READ_AT_ONCE):
                    yield [texts(array) for array in batch.columns]
        except _UNREADABLE as fault:
            self.require_unchanged()
            raise self._unreadable(positions, fault) from fault
        self.require_unchanged()

    def _reader(self, positions: Sequence[int]) -> pq.ParquetFile:
        """For just these columns: whatever pyarrow makes of the others is no concern of ours."""
        footer = self._contents.footer
        tree = selected(footer, positions)
        tree.put_list(KEY_VALUES, STRUCT, of_selected(footer, positions))
        raw = encode(tree)
        metadata = pq.read_metadata(pa.BufferReader(MAGIC + raw + ending(raw)))
        return pq.ParquetFile(self.path, metadata=metadata)

    def _unreadable(self, positions: Sequence[int], fault: Exception) -> ManifestError:
        """Which column it is that cannot be read, and why."""
        for at in positions if len(positions) > 1 else ():
            try:
                with self._reader([at]) as reader:
                    for batch in reader.iter_batches(READ_AT_ONCE):
                        texts(batch.columns[0])
            except _UNREADABLE as found:
                return self._unreadable([at], found)
        name = self.columns[positions[0]]
        return ManifestError(
            f"{self.path}, column {name!r}: it cannot be read here ({_first_line(fault)}); write the file again, with "
            "that column as plain text"
        )


_UNREADABLE: Any = (OSError, pa.ArrowException, ValueError, OverflowError)


def _first_line(fault: Exception) -> str:
    return (str(fault).splitlines() or [type(fault).__name__])[0].rstrip(".")
