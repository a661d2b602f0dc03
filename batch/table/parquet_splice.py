"""Writes a Parquet file with our columns: the user's file whole, our chunks, and a footer of both."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from batch.table.column import Cell, Column, ColumnType
from batch.table.parquet_chunks import chunks, elements, may_repeat
from batch.table.parquet_footer import (
    COLUMNS,
    META_DATA,
    TYPE,
    Contents,
    Footer,
    FooterError,
    ending,
    sealed,
)
from batch.table.parquet_merge import OurColumn, Slot, extent, lay_out, merge, moved
from batch.table.parquet_notes import extended
from batch.table.thrift_compact import I32, STRUCT, Struct

BLOCK = 1 << 20
_CODEC = 4
# Ours are never uncompressed: fastparquet fails at the empty dictionary of a column without values. Those that not
# every reader has (LZO, the old LZ4) are not written.
_CODECS = {1: "snappy", 2: "gzip", 4: "brotli", 6: "zstd", 7: "lz4"}
_PHYSICAL = {6: ColumnType.TEXT, 1: ColumnType.INTEGER, 5: ColumnType.MONEY, 2: ColumnType.TIME}


@dataclass(frozen=True, slots=True)
class Splice:
    """What is to become of a file: planned before anything is written.

    Args:
        columns: those that are written now; `kept` are ours from before, of other names.
    """

    contents: Contents
    columns: Sequence[Column]
    kept: Sequence[Column]
    slots: Sequence[Slot]
    key_values: list[Struct]

    def write(self, source: BinaryIO, sink: BinaryIO, rows: Iterator[Sequence[Cell]]) -> None:
        """Write the file that has them.

        Args:
            source: the file of these contents.
            sink: at its start.
            rows: one cell for each of `columns`, for each record.

        Raises:
            ValueError: there are more or fewer rows than records.
            OSError: the source cannot be read. Faults of the sink are its own.
        """
        users = self.contents.users
        source.seek(0)
        copy(source, sink, users.end)
        ours, length = self._write_ours(sink, rows)
        at = users.end + length
        for column in self.kept:
            kept, length = self._copy_kept(source, sink, column, at)
            ours.append(kept)
            at += length
        tree = merge(users, self.slots, ours, self.key_values)
        raw = sealed(tree, users.end, [column.name for column in (*self.columns, *self.kept)])
        sink.write(raw + ending(raw))

    def _write_ours(self, sink: BinaryIO, rows: Iterator[Sequence[Cell]]) -> tuple[list[OurColumn], int]:
        """Our columns, one row group behind the other, and how many bytes they take."""
        start = at = self.contents.users.end
        found: list[list[Struct]] = [[] for _ in self.columns]
        codec, dictionaries = self._codec(), may_repeat(self.contents.users.rows)
        for count in self.contents.users.rows:
            group = chunks(self.columns, rows, count, codec, dictionaries=dictionaries)
            for chunk, of_column in zip(group, found, strict=True):
                of_column.append(moved(chunk.meta, at))
                sink.writelines(chunk.pages)
                at += chunk.length
        if next(rows, None) is not None:
            raise ValueError("more rows than records")
        described = elements(self.columns)
        return [OurColumn(one, of_column) for one, of_column in zip(described, found, strict=True)], at - start

    def _codec(self) -> str:
        for group in self.contents.users.groups[:1]:
            for chunk in (group.listed(COLUMNS, STRUCT) or [])[:1]:
                return _CODECS.get(chunk.need(META_DATA, STRUCT).get(_CODEC, I32), "snappy")
        return "snappy"

    def _copy_kept(self, source: BinaryIO, sink: BinaryIO, column: Column, at: int) -> tuple[OurColumn, int]:
        """A column of ours from before, as it is in the source, and how many bytes it takes."""
        footer = self.contents.footer
        found = next(one for one in reversed(footer.columns) if one.name == column.name)
        chunks, length = [], 0
        for group in footer.groups:
            chunk = (group.listed(COLUMNS, STRUCT) or [])[found.leaves.start]
            start, size = extent(chunk)
            source.seek(start)
            copy(source, sink, size)
            chunks.append(moved(chunk, at + length - start))
            length += size
        return OurColumn(footer.schema[found.elements.start], chunks), length


def plan(contents: Contents, columns: Sequence[Column]) -> Splice:
    """How these columns come into a file of these contents; those of ours with other names stay in it.

    Raises:
        FooterError: they cannot be written into it.
    """
    names = [column.name for column in columns]
    _require_plain_names(contents.users, names)
    kept = [_column(contents.footer, name) for name in contents.ours if name not in names]
    all_ours = [*columns, *kept]
    slots = lay_out(contents.users.columns, [column.name for column in all_ours])
    return Splice(contents, columns, kept, slots, extended(contents.users, slots, all_ours))


def copy(source: BinaryIO, sink: BinaryIO, length: int) -> None:
    """So many bytes from where the source stands.

    Raises:
        OSError: there are fewer.
    """
    while length:
        block = source.read(min(BLOCK, length))
        if not block:
            raise OSError("it ends too early")
        sink.write(block)
        length -= len(block)


def _require_plain_names(users: Footer, names: Sequence[str]) -> None:
    ours = {name.casefold(): name for name in names}
    for column in users.columns:
        name = ours.get(column.name.casefold(), column.name)
        if name != column.name:
            raise FooterError(
                f"has a column {column.name!r}: beside {name!r} of ours, Spark would not read the file any more, and "
                "others would rename it. Name ours otherwise with --prefix PREFIX"
            )


def _column(footer: Footer, name: str) -> Column:
    found = next(one for one in reversed(footer.columns) if one.name == name)
    return Column(name, _PHYSICAL[footer.schema[found.elements.start].need(TYPE, I32)])
