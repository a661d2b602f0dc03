"""Writes a Parquet file with our columns: the user's file whole, our chunks, and a footer of both."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any, BinaryIO, cast

import pyarrow as pa
import pyarrow.parquet as pq

from batch.table.column import Cell, Column, ColumnType
from batch.table.parquet_cells import ARROW_TYPES, arrays
from batch.table.parquet_footer import (
    COLUMNS,
    ENDING,
    META_DATA,
    ROW_GROUPS,
    SCHEMA,
    TYPE,
    Contents,
    Footer,
    FooterError,
    ending,
    sealed,
)
from batch.table.parquet_merge import OurColumn, Slot, extent, lay_out, merge, moved
from batch.table.parquet_notes import extended
from batch.table.thrift_compact import I32, STRUCT, Struct, decode

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
        """Our columns, and how many bytes they take: a Parquet file of their own, but for its footer."""
        part = _Part(sink)
        schema = pa.schema([pa.field(column.name, ARROW_TYPES[column.type]) for column in self.columns])
        with pq.ParquetWriter(cast("IO[Any]", part), schema, **self._settings()) as writer:
            for count in self.contents.users.rows:
                group = pa.Table.from_arrays(arrays(self.columns, rows, count), schema=schema)
                if group.num_rows != count:
                    raise ValueError("fewer rows than records")
                writer.write_table(group, row_group_size=max(1, count))
                del group
            part.hold()
        if next(rows, None) is not None:
            raise ValueError("more rows than records")
        tree, length = part.finish()
        elements = (tree.listed(SCHEMA, STRUCT) or [])[1:]
        groups = [group.listed(COLUMNS, STRUCT) or [] for group in tree.listed(ROW_GROUPS, STRUCT) or []]
        by = self.contents.users.end
        ours = [OurColumn(one, [moved(group[at], by) for group in groups]) for at, one in enumerate(elements)]
        return ours, length

    def _settings(self) -> dict[str, Any]:
        return {
            "version": "2.6",
            "store_schema": False,
            "compression": self._codec(),
            "use_dictionary": [column.name for column in self.columns if column.repeats],
            # An offset index has offsets inside it, which nobody could move.
            "write_page_index": False,
        }

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


class _Part:
    """Passes on to the sink what pyarrow writes, and holds back the footer that it ends with.

    pyarrow counts from here: it refuses a file that does not stand at its start.
    """

    closed = False

    def __init__(self, sink: BinaryIO) -> None:
        self._sink = sink
        self._passed = 0
        self._held: bytearray | None = None

    def write(self, data: Any) -> int:
        length = memoryview(data).nbytes
        if self._held is None:
            self._sink.write(data)
            self._passed += length
        else:
            self._held += data
        return length

    def tell(self) -> int:
        return self._passed + len(self._held or b"")

    def flush(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        """The sink stays open."""

    def hold(self) -> None:
        """From here on nothing is passed on."""
        self._held = bytearray()

    def finish(self) -> tuple[Struct, int]:
        """The footer, and how many bytes were passed on to the sink, with those that were held and belong there."""
        held = bytes(self._held or b"")
        start = len(held) - ENDING - int.from_bytes(held[-ENDING:-4], "little")
        self._sink.write(held[:start])
        return decode(held[start:-ENDING])[0], self._passed + start
