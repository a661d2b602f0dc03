"""Parquet manifests: what the user stored comes out as it went in."""

import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from batch.errors import ManifestError
from batch.table import Cell, Column, ColumnType, Record, TableChanged, TargetLocked, open_table

ROOT = Path(__file__).parents[2]
OURS = [
    Column("status", ColumnType.TEXT),
    Column("attempts", ColumnType.INTEGER),
    Column("cost_usd", ColumnType.MONEY),
    Column("finished_at", ColumnType.TIME),
]
AT = datetime(2026, 11, 22, 18, 54, 31, tzinfo=UTC)
DONE: tuple[Cell, ...] = ("succeeded", 1, Decimal("0.49"), AT)
OPEN: tuple[Cell, ...] = ("pending", None, None, None)
TYPES = [pa.string(), pa.int32(), pa.float64(), pa.timestamp("us", tz="UTC")]
NOON = datetime(2026, 1, 2, 12, 0, 0, 123456)  # noqa: DTZ001 - a time without zone is meant

COLUMNS: dict[str, Any] = {
    "prompt": pa.array(["a cat", None, "=1+1"], pa.string()),
    "large": pa.array(["x", "", None], pa.large_string()),
    "view": pa.array(["x", "", None], pa.string_view()),
    "kind": pa.DictionaryArray.from_arrays(pa.array([0, None, 1], pa.int8()), pa.array(["b", "a"]), ordered=True),
    "id": pa.array([2**63 - 1, 5, None], pa.int64()),
    "big": pa.array([2**64 - 1, 0, None], pa.uint64()),
    "price": pa.array([Decimal("1.50"), Decimal("-0.01"), None], pa.decimal128(30, 2)),
    "scale": pa.array([5.0, 0.1, None], pa.float64()),
    "half": pa.array([5.0, 0.1, None], pa.float32()),
    "flag": pa.array([True, False, None], pa.bool_()),
    "day": pa.array([date(2026, 1, 2), None, None], pa.date32()),
    "naive": pa.array([NOON, None, None], pa.timestamp("us")),
    "nanos": pa.array([1, None, None], pa.timestamp("ns")),
    "zoned": pa.array([NOON, None, None], pa.timestamp("ms", tz="Europe/Berlin")),
    "tags": pa.array([["a", "ü"], [], None], pa.list_(pa.string())),
    "nested": pa.array(
        [{"x": 1, "y": [1.5]}, None, None], pa.struct([("x", pa.int8()), ("y", pa.list_(pa.float64()))])
    ),
    "raw": pa.array([b"\xff", b"a", None], pa.binary()),
    "nothing": pa.nulls(3),
}
EVERYTHING = pa.table(COLUMNS).replace_schema_metadata({b"owner": b"anna", b"note": "ü".encode()})
FIELD = pa.field("prompt", pa.string(), metadata={b"comment": b"what to show"})
EVERYTHING = EVERYTHING.cast(EVERYTHING.schema.set(0, FIELD))


def put(folder: Path, table: pa.Table, **settings: Any) -> Path:
    path = folder / "shots.parquet"
    pq.write_table(table, path, **settings)
    return path


def write(path: Path, rows: Sequence[Sequence[Cell]]) -> pq.ParquetFile:
    """The file after our columns were written into it."""
    open_table(path).write(path, OURS, rows)
    return pq.ParquetFile(path)


def test_cells_come_out_as_plain_strings(tmp_path: Path) -> None:
    """As a CSV file would show them; nothing where there is null."""
    table = open_table(put(tmp_path, EVERYTHING))
    first, second, third = table.records()
    assert table.columns == tuple(COLUMNS)
    shown = dict(zip(table.columns, first.cells, strict=True))
    assert shown == {
        "prompt": "a cat",
        "large": "x",
        "view": "x",
        "kind": "b",
        "id": "9223372036854775807",
        "big": "18446744073709551615",
        "price": "1.50",
        "scale": "5.0",
        "half": "5.0",
        "flag": "true",
        "day": "2026-01-02",
        "naive": "2026-01-02 12:00:00.123456",
        "nanos": "1970-01-01 00:00:00.000000001",
        "zoned": "2026-01-02 13:00:00.123+0100",
        "tags": '["a", "ü"]',
        "nested": '{"x": 1, "y": [1.5]}',
        "raw": "\\xff",
        "nothing": "",
    }
    assert (first.number, second.number) == (2, 3)
    assert second.cells[:9] == ("", "", "", "", "5", "0", "-0.01", "0.1", "0.1")
    assert third == Record(4, ("=1+1", "", "", "a", *[""] * 14))


@pytest.mark.parametrize("codec", ["zstd", "snappy", "none", "gzip", "brotli", "lz4"])
def test_the_users_columns_stay_what_they_are(codec: str, tmp_path: Path) -> None:
    """Values, types, metadata, codec, row groups; ours are appended with their types."""
    path = put(tmp_path, EVERYTHING, compression=codec, row_group_size=2)
    before = pq.ParquetFile(path)
    after = write(path, [DONE, OPEN, DONE])
    width = len(COLUMNS)
    assert after.schema_arrow.metadata == before.schema_arrow.metadata
    assert [after.schema_arrow.field(i) for i in range(width)] == list(before.schema_arrow)
    assert after.schema_arrow.field(0).metadata == before.schema_arrow.field(0).metadata
    assert after.read().select(range(width)).equals(before.read())
    assert after.schema_arrow.types[width:] == TYPES
    for index in range(2):
        old, new = before.metadata.row_group(index), after.metadata.row_group(index)
        assert new.num_rows == old.num_rows
        codecs = {new.column(i).compression for i in range(new.num_columns - 4)}
        assert codecs == {old.column(0).compression}
        assert {new.column(i).compression for i in range(new.num_columns - 4, new.num_columns)} == (
            {"SNAPPY"} if codec == "none" else codecs  # ours are always compressed
        )
    assert after.read(["status", "attempts", "cost_usd", "finished_at"]).to_pylist() == [
        {"status": "succeeded", "attempts": 1, "cost_usd": 0.49, "finished_at": AT},
        {"status": "pending", "attempts": None, "cost_usd": None, "finished_at": None},
        {"status": "succeeded", "attempts": 1, "cost_usd": 0.49, "finished_at": AT},
    ]


def test_each_column_keeps_its_own_codec(tmp_path: Path) -> None:
    """Nested ones and those with a dot in the name included."""
    table = pa.table({"a.b": ["x"], "c": [[1]], "d": [{"e": 1.5}]})
    paths = ["a.b", "c.list.element", "d.e"]
    path = put(tmp_path, table, compression=dict(zip(paths, ["zstd", "gzip", "none"], strict=True)))
    group = write(path, [DONE]).metadata.row_group(0)
    assert [group.column(i).compression for i in range(4)] == ["ZSTD", "GZIP", "UNCOMPRESSED", "ZSTD"]


def test_a_second_write_of_the_same_cells_leaves_the_file_alone(tmp_path: Path) -> None:
    """Not even its time of modification changes; other cells replace ours in place."""
    path = put(tmp_path, EVERYTHING, row_group_size=2)
    write(path, [DONE, OPEN, OPEN])
    before = path.stat()
    write(path, [DONE, OPEN, OPEN])
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    after = write(path, [DONE, DONE, OPEN]).read()
    assert after.num_columns == len(COLUMNS) + 4
    assert after["status"].to_pylist() == ["succeeded", "succeeded", "pending"]


def test_columns_of_our_name_are_replaced_where_they_stand(tmp_path: Path) -> None:
    """The last of that name; whatever type it had; the user's of the same names stay."""
    names = ["a", "status", "a", "status", "attempts", "z"]
    arrays: list[Any] = [*(pa.array([i]) for i in range(4)), pa.nulls(1), pa.array(["end"])]
    after = write(put(tmp_path, pa.table(arrays, names=names)), [DONE]).read()
    assert after.column_names == [*names, "cost_usd", "finished_at"]
    assert [column.to_pylist() for column in after.columns[:6]] == [[0], [1], [2], ["succeeded"], [1], ["end"]]


@pytest.mark.parametrize("frame", [
    pd.DataFrame({"prompt": ["a", "b"], "n": pd.array([1, None], "Int64"), "c": pd.Categorical(["x", "y"])}),
    pd.DataFrame({"prompt": ["a", "b"]}, index=pd.Index(["k", "l"], name="key")),
    pd.DataFrame({"prompt": ["a", "b"], "status": pd.array([None, None], "Int64"), "attempts": [None, None]}),
    pd.DataFrame({"prompt": ["a", "b"]}, index=pd.date_range("2026-01-01", periods=2, tz="Europe/Berlin")),
])  # fmt: skip
def test_pandas_reads_back_its_own_frame(frame: pd.DataFrame, tmp_path: Path) -> None:
    """Index, extension types and categories as before, ours beside them."""
    path = tmp_path / "frame.parquet"
    frame.to_parquet(path)
    before = pd.read_parquet(path)
    write(path, [DONE, OPEN])
    after = pd.read_parquet(path)
    users = [name for name in before.columns if name not in {column.name for column in OURS}]
    pd.testing.assert_frame_equal(after[users], before[users])
    assert after["status"].tolist() == ["succeeded", "pending"]
    assert after["cost_usd"].sum() == pytest.approx(0.49)


def test_no_rows_and_no_row_groups_are_a_table(tmp_path: Path) -> None:
    """Columns are added all the same."""
    for empty in (False, True):
        path = tmp_path / "empty.parquet"
        with pq.ParquetWriter(path, EVERYTHING.schema) as writer:
            if empty:
                writer.write_table(EVERYTHING.schema.empty_table())
        assert list(open_table(path).records()) == []
        assert write(path, []).schema_arrow.names[-1] == "finished_at"
        assert list(open_table(path).records()) == []


def test_timestamps_of_older_sparks_stay_so(tmp_path: Path) -> None:
    """INT96 columns are written as INT96."""
    table = pa.table({"at": pa.array([NOON], pa.timestamp("ns"))})
    path = put(tmp_path, table, use_deprecated_int96_timestamps=True, store_schema=False)
    after = write(path, [DONE])
    assert after.metadata.row_group(0).column(0).physical_type == "INT96"
    assert after.read()["at"].to_pylist() == [NOON]
    assert b"ARROW:schema" not in (after.metadata.metadata or {})


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    """Cut, or overwritten in the middle, or without columns: one line that names the file, and the column if it can."""
    path = put(tmp_path, pa.table({"a": ["x" * 1000] * 100}), compression="snappy", use_dictionary=False)
    whole = path.read_bytes()
    for data in (whole[:-20], whole[:100], b"PAR1" + b"\xff" * 200 + whole[204:]):
        path.write_bytes(data)
        with pytest.raises(
            ManifestError, match=r"shots\.parquet( is damaged|, column 'a': it cannot be read)"
        ) as caught:
            list(open_table(path).records())
        assert "\n" not in str(caught.value)
    with pytest.raises(ManifestError, match="no columns"):
        open_table(put(tmp_path, pa.table({})))


def test_texts_that_are_no_unicode_are_escaped(tmp_path: Path) -> None:
    """A half of a surrogate pair in a message of the service does not stop the write."""
    path = put(tmp_path, pa.table({"a": ["x"]}))
    after = write(path, [("\ud800", None, None, None)])
    assert after.read()["status"].to_pylist() == ["\\ud800"]


def test_rows_that_do_not_fit_and_changes_meanwhile_leave_the_file_alone(tmp_path: Path) -> None:
    """Too few, too many; replaced while it is written; a target that cannot be."""
    path = put(tmp_path, EVERYTHING, row_group_size=2)
    before = path.read_bytes()
    table = open_table(path)
    for rows in ([DONE] * 2, [DONE] * 4):
        with pytest.raises(ValueError, match="rows than records"):
            table.write(path, OURS, rows)
    with pytest.raises(TargetLocked):
        table.write(tmp_path / "gone" / "x.parquet", OURS, [DONE] * 3)
    assert path.read_bytes() == before
    path.write_bytes(before + b" ")
    with pytest.raises(TableChanged):
        table.write(path, OURS, [DONE] * 3)
    assert list(tmp_path.iterdir()) == [path]


def test_a_copy_without_columns_has_the_same_bytes(tmp_path: Path) -> None:
    """Nothing asked for, nothing changed."""
    path = put(tmp_path, EVERYTHING)
    open_table(path).write(tmp_path / "copy.parquet", [], [])
    assert (tmp_path / "copy.parquet").read_bytes() == path.read_bytes()


def test_pyarrow_and_pandas_load_only_when_needed(tmp_path: Path) -> None:
    """A CSV file needs neither, reading Parquet no pandas."""
    (tmp_path / "a.csv").write_text("a\n1\n")
    path = put(tmp_path, EVERYTHING)
    code = (
        "import sys; from pathlib import Path; from batch.table import open_table\n"
        f"list(open_table(Path({str(tmp_path / 'a.csv')!r})).records()); assert 'pyarrow' not in sys.modules\n"
        f"list(open_table(Path({str(path)!r})).records()); print('pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_is_told_from_a_damaged_source(tmp_path: Path) -> None:
    """A limit of size in a child: locked, not damaged; nothing is left beside the file."""
    path = put(tmp_path, pa.table({"a": [str(i) * 50 for i in range(50000)]}), compression="none")
    before = path.read_bytes()
    code = (
        "import resource, sys; from pathlib import Path; from batch.table import *\n"
        f"table = open_table(Path({str(path)!r})); resource.setrlimit(resource.RLIMIT_FSIZE, (200000, 200000))\n"
        "try: table.write(table.path, [Column('status', ColumnType.TEXT)], [('x',)] * 50000)\n"
        "except TargetLocked: sys.exit(3)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
