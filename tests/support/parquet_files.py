"""Parquet files of many kinds, and what tests look at in them."""

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from batch.table import Cell, Column, ColumnType, open_table
from batch.table.parquet_footer import Contents, ending, read_contents
from batch.table.thrift_compact import Struct, encode

OURS = [
    Column("status", ColumnType.TEXT, repeats=True),
    Column("video_url", ColumnType.TEXT),
    Column("attempts", ColumnType.INTEGER),
    Column("cost_usd", ColumnType.MONEY),
    Column("finished_at", ColumnType.TIME),
]
NAMES = [column.name for column in OURS]
AT = datetime(2026, 11, 22, 18, 54, 31, tzinfo=UTC)
DONE: tuple[Cell, ...] = ("succeeded", "https://v3.fal.media/a.mp4", 1, Decimal("0.49"), AT)
OPEN: tuple[Cell, ...] = ("pending", None, None, None, None)

CODECS = ["none", "snappy", "gzip", "brotli", "zstd", "lz4"]

_values: dict[Any, st.SearchStrategy[Any]] = {
    pa.string(): st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float64(): st.floats(allow_nan=False),
    pa.bool_(): st.booleans(),
    pa.binary(): st.binary(max_size=6),
    pa.list_(pa.string()): st.lists(st.text("aü", max_size=2), max_size=3),
    pa.struct([("x", pa.int8()), ("y", pa.string())]): st.fixed_dictionaries({"x": st.just(1), "y": st.text("b")}),
    pa.timestamp("us", "UTC"): st.datetimes(timezones=st.just(UTC)),
}


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    """Small tables of any types, with columns of our names and twice the same name among them."""
    rows = draw(st.integers(0, 6))
    names = draw(st.lists(st.sampled_from(["prompt", "image", "a.b", "n", "ü", *NAMES[:3]]), min_size=1, max_size=6))
    arrays = []
    for name in names:
        kind = pa.string() if name in NAMES and draw(st.booleans()) else draw(st.sampled_from(list(_values)))
        cell = st.none() | _values[kind]
        arrays.append(pa.array(draw(st.lists(cell, min_size=rows, max_size=rows)), kind))
    return pa.Table.from_arrays(arrays, names=["prompt", *names[1:]] if set(names) <= set(NAMES) else names)


def settings() -> st.SearchStrategy[dict[str, Any]]:
    """How pyarrow may write them."""
    return st.fixed_dictionaries(
        {
            "compression": st.sampled_from(CODECS),
            "row_group_size": st.sampled_from([1, 2, 100]),
            "store_schema": st.booleans(),
            "write_page_index": st.booleans(),
            "data_page_version": st.sampled_from(["1.0", "2.0"]),
        }
    )


def rows(count: int) -> list[Sequence[Cell]]:
    """Our cells, finished and open ones."""
    return [DONE if at % 2 else OPEN for at in range(count)]


def contents(data: bytes) -> Contents:
    """What is in a file of these bytes."""
    return read_contents(io.BytesIO(data), len(data))


def footer_bytes(data: bytes) -> bytes:
    """The footer of a file of these bytes."""
    return data[-8 - int.from_bytes(data[-8:-4], "little") : -8]


def with_footer(data: bytes, tree: Struct) -> bytes:
    """The file with another footer."""
    raw = encode(tree)
    return data[: len(data) - 8 - len(footer_bytes(data))] + raw + ending(raw)


def saved(path: Path, cells: Sequence[Sequence[Cell]], columns: Sequence[Column] = OURS) -> bytes:
    """The file after a save of our columns."""
    open_table(path).write(path, columns, cells)
    return path.read_bytes()


def written(table: pa.Table, **how: Any) -> bytes:
    """The bytes of a file that pyarrow writes."""
    file = io.BytesIO()
    pq.write_table(table, file, **how)
    return file.getvalue()
