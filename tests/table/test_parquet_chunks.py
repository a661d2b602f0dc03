"""Our columns written some rows at a time: the same to every reader as written at once, in little memory."""

import io
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as quickly
from hypothesis import strategies as st

from batch.table import Cell, open_table, parquet_chunks
from batch.table.parquet_chunks import ROWS_AT_ONCE, chunks, elements
from batch.table.parquet_footer import META_DATA, NAME
from batch.table.thrift_compact import BINARY, I64, STRUCT
from tests.support.parquet_files import AT, CODECS, NAMES, OURS, saved, written
from tests.table.test_parquet_splice import READERS

TEXT = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
CELLS: st.SearchStrategy[tuple[Cell, ...]] = st.tuples(
    TEXT,
    TEXT,
    st.none() | st.integers(-5, 300),
    st.none() | st.integers(0, 99).map(lambda cents: Decimal(cents) / 100),
    st.none() | st.integers(-9, 9).map(lambda hours: AT + timedelta(hours=hours)),
)


@quickly(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(CELLS, min_size=1, max_size=9), st.sampled_from([1, 2, 4]), st.sampled_from(["snappy", "zstd"]))
def test_pieces_add_up_to_what_pyarrow_writes_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cells: list[tuple[Cell, ...]], at_once: int, codec: str
) -> None:
    """Values, counts, and the least and the greatest of each column."""
    path = tmp_path / "shots.parquet"
    found = []
    for rows in (at_once, ROWS_AT_ONCE):
        monkeypatch.setattr(parquet_chunks, "ROWS_AT_ONCE", rows)
        path.write_bytes(written(pa.table({"prompt": pa.array(["a"] * len(cells))}), compression=codec))
        saved(path, cells)
        found.append(pq.ParquetFile(io.BytesIO(path.read_bytes())))
    pieces, whole = found
    assert pieces.read().equals(whole.read())
    for group in range(whole.metadata.num_row_groups):
        for at in range(len(whole.schema.names)):
            one, other = (file.metadata.row_group(group).column(at) for file in (pieces, whole))
            assert (one.num_values, one.physical_type) == (other.num_values, other.physical_type)
            told, expected = one.statistics, other.statistics
            assert (told.null_count, told.has_min_max) == (expected.null_count, expected.has_min_max)
            assert (told.min, told.max) == (expected.min, expected.max)


@pytest.mark.filterwarnings("ignore")  # theirs
@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("reader", READERS)
def test_every_reader_sees_all_pieces(reader: str, codec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of row groups with one piece (the last), with several, and with an empty column."""
    monkeypatch.setattr(parquet_chunks, "ROWS_AT_ONCE", 3)
    path, count = tmp_path / "shots.parquet", 18
    path.write_bytes(
        written(pa.table({"prompt": [f"p{n}" for n in range(count)]}), row_group_size=8, compression=codec)
    )
    before = READERS[reader](path)
    cells = [(f"s{n % 3}", None, n, Decimal(n) / 4, AT + timedelta(minutes=n)) for n in range(count)]
    saved(path, cells)
    after = READERS[reader](path)
    assert after.select(before.column_names).to_pylist() == before.to_pylist()
    assert after["status"].to_pylist() == [cell[0] for cell in cells]
    assert after["video_url"].to_pylist() == [None] * count
    assert after["attempts"].to_pylist() == list(range(count))
    assert after["cost_usd"].to_pylist() == [n / 4 for n in range(count)]
    assert [one.astimezone(AT.tzinfo) for one in after["finished_at"].to_pylist()] == [cell[4] for cell in cells]


def counted(rows: Iterator[tuple[Cell, ...]], met: list[int]) -> Iterator[tuple[Cell, ...]]:
    for row in rows:
        met.append(pa.total_allocated_bytes())
        yield row


def test_a_row_group_is_never_whole_in_arrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Arrow holds while the last rows are asked for is no more than while the first ones are."""
    monkeypatch.setattr(parquet_chunks, "ROWS_AT_ONCE", 100)
    met: list[int] = []
    long = ("s", "u" * 1000, 1, Decimal(1), AT)
    before = pa.total_allocated_bytes()
    made = chunks(OURS, counted(iter([long] * 2000), met), 2000, "snappy", dictionaries=False)
    assert len(met) == 2000
    assert max(met) - before < 3 * 100 * 1100
    assert [one.meta.need(META_DATA, STRUCT).need(5, I64) for one in made] == [2000] * len(OURS)


@pytest.mark.parametrize("count", [0, 1, 5])
def test_a_group_has_as_many_rows_as_are_there(count: int) -> None:
    """Neither more nor fewer are taken."""
    rows = iter([("s", None, 1, None, None)] * 5)
    made = chunks(OURS, rows, count, "snappy", dictionaries=True)
    assert all(one.meta.need(META_DATA, STRUCT).need(5, I64) == count for one in made)
    assert len(list(rows)) == 5 - count
    with pytest.raises(ValueError, match="fewer rows than records"):
        chunks(OURS, iter([]), 1, "snappy", dictionaries=True)


def test_all_row_groups_have_dictionaries_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """fastparquet reads nulls where only some have."""
    monkeypatch.setattr(parquet_chunks, "ROWS_AT_ONCE", 3)
    path = tmp_path / "shots.parquet"
    for size, encodings in ((4, {"PLAIN", "RLE"}), (3, {"PLAIN", "RLE", "RLE_DICTIONARY"})):
        path.write_bytes(written(pa.table({"prompt": ["a"] * 9}), row_group_size=size))
        saved(path, [("s", None, 1, None, None)] * 9)
        found = pq.ParquetFile(path).metadata
        at = found.schema.names.index("status")
        assert {*found.row_group(0).column(at).encodings} == encodings
        assert {*found.row_group(2).column(at).encodings} == encodings


def test_a_table_without_rows_has_our_columns_too(tmp_path: Path) -> None:
    """Also one without a single row group."""
    assert [one.need(NAME, BINARY).decode() for one in elements(OURS)] == NAMES
    path = tmp_path / "shots.parquet"
    pq.ParquetWriter(path, pa.schema([("prompt", pa.string())])).close()
    saved(path, [])
    assert pq.read_table(path).column_names == ["prompt", *NAMES]
    assert open_table(path).columns == ("prompt", *NAMES)
