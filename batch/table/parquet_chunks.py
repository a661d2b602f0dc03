"""Makes the chunks of our columns in a row group, some rows at a time: a million take little memory.

pyarrow holds a whole row group before it writes the first column of it. The pages of a chunk know nothing of each
other, unless they share a dictionary: so those that pyarrow writes for some rows of a group stand behind those that it
wrote for the rows before, and the metadata of the chunk are the sums.
"""

import io
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from batch.table.column import Cell, Column
from batch.table.parquet_cells import ARROW_TYPES, arrays
from batch.table.parquet_footer import COLUMNS, ENDING, META_DATA, ROW_GROUPS, SCHEMA, TYPE
from batch.table.parquet_merge import COMPRESSED, UNCOMPRESSED, extent, moved
from batch.table.thrift_compact import BINARY, I32, I64, STRUCT, Struct, decode

ROWS_AT_ONCE = 1 << 16
"""Of a row group that has no more everything is as pyarrow writes it, dictionaries too."""

_VALUES, _STATISTICS, _PAGES, _SIZES = 5, 12, 13, 16
_NULLS, _MOST, _LEAST = 3, 5, 6
_PAGES_COUNT = 3


@dataclass(slots=True)
class Chunk:
    """One column of ours in one row group: its pages, and its metadata as if they stood at the start of a file."""

    meta: Struct
    pages: list[bytes] = field(default_factory=list)

    @property
    def length(self) -> int:
        return sum(map(len, self.pages))


def elements(columns: Sequence[Column]) -> list[Struct]:
    """How these columns stand in the schema of a footer."""
    tree, _ = _written(columns, iter(()), 0, {})
    return (tree.listed(SCHEMA, STRUCT) or [])[1:]


def may_repeat(counts: Sequence[int]) -> bool:
    """Whether row groups of so many rows may have dictionaries: all of them or none, else fastparquet reads nulls."""
    return max(counts, default=0) <= ROWS_AT_ONCE


def chunks(
    columns: Sequence[Column], rows: Iterator[Sequence[Cell]], count: int, codec: str, *, dictionaries: bool
) -> list[Chunk]:
    """The chunks of the next row group of so many rows.

    Args:
        dictionaries: of the columns that repeat, see `may_repeat`.

    Raises:
        ValueError: there are fewer rows.
    """
    repeating = [column.name for column in columns if column.repeats and dictionaries]
    settings = {"compression": codec, "use_dictionary": repeating}
    found: list[list[Chunk]] = []
    while count or not found:
        some = min(count, ROWS_AT_ONCE)
        found.append(_pieces(*_written(columns, rows, some, settings)))
        count -= some
    return [_joined(pieces) for pieces in zip(*found, strict=True)]


def _written(
    columns: Sequence[Column], rows: Iterator[Sequence[Cell]], count: int, settings: dict[str, Any]
) -> tuple[Struct, bytes]:
    """A Parquet file of just these: its footer, and all of its bytes."""
    schema = pa.schema([pa.field(column.name, ARROW_TYPES[column.type]) for column in columns])
    group = pa.Table.from_arrays(arrays(columns, rows, count), schema=schema)
    if group.num_rows != count:
        raise ValueError("fewer rows than records")
    sink = io.BytesIO()
    # An offset index has offsets inside it, which nobody could move.
    with pq.ParquetWriter(
        sink, schema, version="2.6", store_schema=False, write_page_index=False, **settings
    ) as writer:
        writer.write_table(group, row_group_size=max(1, count))
    raw = sink.getvalue()
    start = len(raw) - ENDING - int.from_bytes(raw[-ENDING:-4], "little")
    return decode(raw[start:-ENDING])[0], raw


def _pieces(tree: Struct, raw: bytes) -> list[Chunk]:
    (group,) = tree.listed(ROW_GROUPS, STRUCT) or []
    found = []
    for chunk in group.listed(COLUMNS, STRUCT) or []:
        empty = not chunk.need(META_DATA, STRUCT).need(COMPRESSED, I64)
        start, length = (0, 0) if empty else extent(chunk)
        found.append(Chunk(moved(chunk, -start), [raw[start : start + length]]))
    return found


def _joined(pieces: Sequence[Chunk]) -> Chunk:
    """One chunk of the pages of all; none of them has a dictionary, where there are several."""
    if len(pieces) == 1:
        return pieces[0]
    metas = [piece.meta.need(META_DATA, STRUCT) for piece in pieces]
    meta = metas[0].copy()
    for total in (_VALUES, UNCOMPRESSED, COMPRESSED):
        meta.put(total, I64, sum(one.need(total, I64) for one in metas))
    for spoiled in (_STATISTICS, _PAGES, _SIZES):
        meta.fields.pop(spoiled, None)
    if (statistics := _statistics(metas)) is not None:
        meta.put(_STATISTICS, STRUCT, statistics)
    if (pages := _page_counts(metas)) is not None:
        meta.put_list(_PAGES, STRUCT, pages)
    chunk = pieces[0].meta.copy()
    chunk.put(META_DATA, STRUCT, meta)
    return Chunk(chunk, [page for piece in pieces for page in piece.pages])


def _page_counts(metas: Sequence[Struct]) -> list[Struct] | None:
    """How many pages there are of each kind, where they are of the same kinds everywhere."""
    listed = [one.listed(_PAGES, STRUCT) or [] for one in metas]
    if any([_kind(one) for one in each] != [_kind(one) for one in listed[0]] for each in listed):
        return None
    counted = [one.copy() for one in listed[0]]
    for at, one in enumerate(counted):
        one.put(_PAGES_COUNT, I32, sum(each[at].need(_PAGES_COUNT, I32) for each in listed))
    return counted or None


def _kind(page: Struct) -> list[Any]:
    return [value for field, value in page.fields.items() if field != _PAGES_COUNT]


_VALUE: dict[int, Callable[[bytes], Any]] = {
    1: lambda raw: struct.unpack("<i", raw),
    2: lambda raw: struct.unpack("<q", raw),
    5: lambda raw: struct.unpack("<d", raw),
    6: lambda raw: raw,
}
"""What a physical type's values are sorted by."""


def _statistics(metas: Sequence[Struct]) -> Struct | None:
    """How many are empty, and the least and the greatest of the others, as far as all pieces tell."""
    told = [one.get(_STATISTICS, STRUCT) for one in metas]
    if not all(told):
        return None
    found = Struct()
    nulls = [one.get(_NULLS, I64) for one in told]
    if None in nulls:
        return None
    found.put(_NULLS, I64, sum(nulls))
    filled = [one for one, empty, meta in zip(told, nulls, metas, strict=True) if empty < meta.need(_VALUES, I64)]
    key = _VALUE.get(metas[0].need(TYPE, I32))
    if key and filled and all(one.get(end, BINARY) is not None for one in filled for end in (_MOST, _LEAST)):
        found.put(_MOST, BINARY, max((one.need(_MOST, BINARY) for one in filled), key=key))
        found.put(_LEAST, BINARY, min((one.need(_LEAST, BINARY) for one in filled), key=key))
    return found
