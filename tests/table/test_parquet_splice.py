"""A save of a Parquet file: its own bytes first, and every reader sees what it saw, and ours."""

import io
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import fastparquet
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as quickly
from hypothesis import strategies as st

from batch.errors import ManifestError
from batch.table import Cell, Column, ColumnType, open_table
from tests.support.parquet_files import (
    AT,
    CODECS,
    DONE,
    NAMES,
    OPEN,
    OURS,
    contents,
    rows,
    saved,
    settings,
    tables,
    written,
)

ROOT = Path(__file__).parents[2]
SHOTS = pa.table({
    "prompt": ["a", None, "ü"],
    "n": pa.array([1, 2, None], pa.int64()),
    "day": pa.array([0, None, 20_000], pa.date32()),
    "flag": [True, None, False],
    "price": pa.array([Decimal("1.50"), None, Decimal("-0.01")], pa.decimal128(9, 2)),
})  # fmt: skip
CELLS = [DONE, OPEN, DONE]


@pytest.fixture
def shots(tmp_path: Path) -> Path:
    path = tmp_path / "shots.parquet"
    path.write_bytes(written(SHOTS, row_group_size=2))
    return path


@quickly(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(tables(), settings())
def test_a_save_keeps_every_byte_and_every_value(tmp_path: Path, table: pa.Table, how: dict[str, Any]) -> None:
    """The file begins with the one before; the user's columns read the same, ours say what was written."""
    path = tmp_path / "shots.parquet"
    before = written(table, **how)
    path.write_bytes(before)
    cells = rows(table.num_rows)
    after = saved(path, cells)
    assert after[: len(before)] == before
    old, new = (pq.ParquetFile(io.BytesIO(one)).read() for one in (before, after))
    last = {name: at for at, name in enumerate(old.column_names)}
    kept = [at for at, name in enumerate(old.column_names) if name not in NAMES or last[name] != at]
    ours = {name: at for at, name in enumerate(new.column_names) if name in NAMES}
    left = [at for at in range(new.num_columns) if at not in ours.values()]
    assert [new.field(at).with_metadata({}) for at in left] == [old.field(at).with_metadata({}) for at in kept]
    assert new.select(left).equals(old.select(kept))
    for which, name in enumerate(NAMES):
        values = [float(row[which]) if isinstance(row[which], Decimal) else row[which] for row in cells]
        assert new.column(ours[name]).to_pylist() == values
    groups = [pq.ParquetFile(io.BytesIO(one)).metadata for one in (before, after)]
    assert len({tuple(one.row_group(at).num_rows for at in range(one.num_row_groups)) for one in groups}) == 1


@quickly(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(tables(), settings(), st.lists(st.sampled_from([DONE, OPEN]), min_size=3, max_size=3))
def test_a_file_does_not_grow_from_save_to_save(
    tmp_path: Path, table: pa.Table, how: dict[str, Any], after: list[tuple[Cell, ...]]
) -> None:
    """The next one begins from the user's part again: it is as if it had been the first."""
    path = tmp_path / "shots.parquet"
    before = written(table, **how)
    sizes = set()
    for cells in after:
        path.write_bytes(before)
        once = saved(path, [cells] * table.num_rows)
        saved(path, [DONE] * table.num_rows)
        assert saved(path, [cells] * table.num_rows) == once
        assert once[: len(before)] == before
        sizes.add(len(once))
    assert len(sizes) <= len(set(after))


# What other programs see


def _duckdb(path: Path) -> pa.Table:
    return duckdb.sql(f"SELECT * FROM '{path}'").to_arrow_table()


def _fastparquet(path: Path) -> pa.Table:
    return pa.Table.from_pandas(fastparquet.ParquetFile(path).to_pandas(), preserve_index=False)


READERS: dict[str, Callable[[Path], pa.Table]] = {
    "pyarrow": pq.read_table,
    "pandas": lambda path: pa.Table.from_pandas(pd.read_parquet(path), preserve_index=False),
    "polars": lambda path: pl.read_parquet(path).to_arrow(),
    "duckdb": _duckdb,
    "fastparquet": _fastparquet,
}


@pytest.mark.filterwarnings("ignore")  # theirs
@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("reader", READERS)
def test_every_reader_sees_the_users_columns_as_before_and_ours(reader: str, codec: str, tmp_path: Path) -> None:
    """By value; after open cells only, and after a second save with other values."""
    read = READERS[reader]
    path = tmp_path / "shots.parquet"
    SHOTS.to_pandas().to_parquet(path, compression=None if codec == "none" else codec)
    before = read(path)
    saved(path, [OPEN] * 3)
    saved(path, CELLS)
    after = read(path)
    assert after.select(before.column_names).to_pylist() == before.to_pylist()
    assert after.column_names == [*before.column_names, *NAMES]
    assert after["status"].to_pylist() == ["succeeded", "pending", "succeeded"]
    assert after["video_url"].to_pylist() == [DONE[1], None, DONE[1]]
    assert after["attempts"].to_pylist() == [1, None, 1]
    assert [cost == pytest.approx(0.49) for cost in after["cost_usd"].to_pylist()] == [True, False, True]
    times = [time and time.astimezone(AT.tzinfo) for time in after["finished_at"].to_pylist()]
    assert times == [AT, None, AT]


REWRITERS: dict[str, Callable[[Path], None]] = {
    "pyarrow": lambda path: pq.write_table(pq.read_table(path), path),
    "pyarrow, without a schema": lambda path: pq.write_table(pq.read_table(path), path, store_schema=False),
    "pandas": lambda path: pd.read_parquet(path).assign(note="mine").to_parquet(path),
    "polars": lambda path: pl.read_parquet(path).write_parquet(path),
    "duckdb": lambda path: Path(path).write_bytes(_copied(path)),
    "fastparquet, in place": lambda path: fastparquet.update_file_custom_metadata(str(path), {"owner": "anna"}),
}


def _copied(path: Path) -> bytes:
    copy = path.with_name("copy.parquet")
    duckdb.sql(f"COPY (SELECT * FROM '{path}') TO '{copy}' (FORMAT parquet)")
    data = copy.read_bytes()
    copy.unlink()
    return data


@pytest.mark.filterwarnings("ignore")  # theirs
@pytest.mark.parametrize("tool", REWRITERS)
def test_what_another_program_made_of_the_file_is_the_users(tool: str, shots: Path) -> None:
    """All of it stays, from its first byte to its last; and the file grows by ours once, not at every save."""
    saved(shots, CELLS)
    REWRITERS[tool](shots)
    rewritten = shots.read_bytes()
    users = [name for name in pq.read_schema(shots).names if name not in NAMES]
    seen = pq.read_table(shots, columns=users)
    after = saved(shots, [DONE] * 3)
    assert after[: len(rewritten)] == rewritten
    assert pq.read_table(shots, columns=users).equals(seen)
    assert pq.read_table(shots)["status"].to_pylist() == ["succeeded"] * 3
    assert len(saved(shots, CELLS)) - len(after) <= 100
    assert saved(shots, [DONE] * 3) == after


def test_results_under_another_prefix_stay(shots: Path) -> None:
    """Two runs with prefixes of their own on one table: neither takes the other's columns, and nothing grows."""
    other = [Column("b_" + column.name, column.type, repeats=column.repeats) for column in OURS]
    saved(shots, CELLS)
    both = saved(shots, [OPEN] * 3, other)
    saved(shots, CELLS)
    assert len(both) == len(saved(shots, [OPEN] * 3, other))
    table = pq.read_table(shots)
    assert table.column_names == [*SHOTS.column_names, *(one.name for one in other), *NAMES]
    assert table["status"].to_pylist() == ["succeeded", "pending", "succeeded"]
    assert table["finished_at"].to_pylist() == [AT, None, AT]
    assert table["b_status"].to_pylist() == ["pending"] * 3
    assert contents(shots.read_bytes()).users.end == len(written(SHOTS, row_group_size=2))


@pytest.mark.parametrize("name", ["Status", "VIDEO_URL"])
def test_a_name_that_is_ours_but_for_case_is_refused(name: str, tmp_path: Path) -> None:
    """Spark would not read the file any more; another prefix helps."""
    path = tmp_path / "shots.parquet"
    path.write_bytes(written(pa.table({"prompt": ["a"], name: ["mine"]})))
    with pytest.raises(ManifestError, match=f"has a column '{name}': .*--prefix") as caught:
        open_table(path).require_writable(OURS)
    assert str(path) in str(caught.value)
    open_table(path).require_writable([Column("k_status", ColumnType.TEXT)])


def test_only_the_columns_asked_for_are_read(tmp_path: Path) -> None:
    """What cannot be read in others is no concern of ours; in these it is named."""
    path = tmp_path / "shots.parquet"
    table = pa.table({"prompt": ["a"], "bad": ["b" * 300]})
    data = written(table, compression="none", use_dictionary=False, write_statistics=False)
    at = data.index(b"b" * 300)
    path.write_bytes(data[: at - 4] + b"\xff" * 4 + data[at:])  # its length
    opened = open_table(path)
    assert [record.cells for record in opened.records([0])] == [("a", "")]
    assert [record.cells for record in opened.records([])] == [("", "")]
    saved(path, [DONE])
    with pytest.raises(ManifestError, match=r"shots\.parquet, column 'bad': it cannot be read here \("):
        list(open_table(path).records())


STRUCK = """
import os, signal, sys

import pandas  # pyarrow does, at the first array
from pathlib import Path
from batch.table import open_table
from tests.support.parquet_files import DONE, OPEN, OURS, saved

path, before = Path(sys.argv[1]), Path(sys.argv[1]).read_bytes()
EVENTS = {"open", "os.rename", "os.remove", "os.chmod", "os.chown"}

def cells():
    for _ in range(3):
        sys.audit("row")
        yield DONE

def strike(nth):
    met = 0
    def hook(event, given):
        nonlocal met
        met += event == "row" or (event in EVENTS and str(given[0]).startswith(str(path.parent)))
        if met == nth:
            met += 1
            os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(hook)
    open_table(path).write(path, OURS, cells())
    os._exit(0)

deaths, found = 0, set()
while True:
    if not (child := os.fork()):
        strike(deaths + 1)
    _, ended = os.waitpid(child, 0)
    found.add(path.read_bytes())
    if not ended:
        break
    deaths += 1
    path.write_bytes(before)
path.write_bytes(before)
after = saved(path, [DONE] * 3)
assert found == {before, after}, "neither the old nor the new file"
assert list(path.parent.iterdir()) == [path]
print(deaths)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
def test_killed_anywhere_in_a_save_the_file_is_the_old_or_the_new_one(shots: Path) -> None:
    """Whole in either case: struck dead at every opening, row, rename and removal; and the next save goes through."""
    saved(shots, [OPEN] * 3)
    child = subprocess.run(
        [sys.executable, "-c", STRUCK, str(shots)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert child.returncode == 0, child.stderr
    assert int(child.stdout) >= 8
