"""What was written is read back before it takes the table's place."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as quickly

from batch.errors import ManifestError
from batch.table import open_table
from batch.table.proof import prove
from tests.support.parquet_files import DONE, NAMES, OPEN, OURS, rows, saved, settings, tables, written

SHEET = b'prompt,image\r\na,x\r\n\r\n"b, c",y,more\r\n'
CELLS = [DONE, OPEN]


@pytest.fixture(params=["csv", "parquet"])
def shots(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"shots.{request.param}"
    path.write_bytes(
        SHEET if request.param == "csv" else written(pa.table({"prompt": ["a", "b"], "image": ["x", "y"]}))
    )
    return path


def test_a_good_save_is_proven(shots: Path) -> None:
    """The first one, one into columns that are there, and one that changes nothing."""
    for cells in ([OPEN, OPEN], CELLS, CELLS):
        open_table(shots).write(shots, OURS, cells, cells)
    table = open_table(shots)
    at = table.columns.index("status")
    assert [record.cells[at] for record in table.records()] == ["succeeded", "pending"]


def test_what_is_read_back_otherwise_leaves_the_table_as_it_was(shots: Path) -> None:
    """The cell and the row are named, and nothing stands beside the table."""
    before = shots.read_bytes()
    with pytest.raises(ManifestError, match=r"row [34], column status: 'pending' in place of 'succeeded'"):
        open_table(shots).write(shots, OURS, CELLS, [DONE, DONE])
    with pytest.raises(ManifestError, match="it has more or fewer rows"):
        open_table(shots).write(shots, OURS, CELLS, [DONE])
    assert shots.read_bytes() == before
    assert list(shots.parent.iterdir()) == [shots]


@pytest.mark.parametrize(("spoil", "fault"), [
    (lambda data: data.replace(b"a,x", b"e,x"), "row 2 is another one"),
    (lambda data: data.replace(b"more", b"less"), "row 4 is another one"),
    (lambda data: data.replace(b"\r\n\r\n", b"\r\n"), "row 4 is another one"),
    (lambda data: data.replace(b"image", b"imago"), "its header is another one"),
    (lambda data: data.replace(b"status", b"estado"), "our columns are not found again"),
    (lambda data: data[: data.index(b"a,x")], "it has more or fewer rows"),
    (lambda data: data.replace(b"succeeded", b"failed"), "row 2, column status: 'failed' in place of 'succeeded'"),
    (lambda _: b"", "cannot be read back"),
])  # fmt: skip
def test_a_csv_file_that_came_out_otherwise_is_found(
    spoil: Callable[[bytes], bytes], fault: str, tmp_path: Path
) -> None:
    """A cell of the user's, one beyond the header, a row, a name, one of ours."""
    path, copy = tmp_path / "shots.csv", tmp_path / "copy.csv"
    path.write_bytes(SHEET)
    copy.write_bytes(SHEET)
    copy.write_bytes(spoil(saved(copy, CELLS)))
    with pytest.raises(ManifestError, match=fault):
        prove(open_table(path), copy, OURS, CELLS)


@pytest.mark.parametrize(("spoil", "fault"), [
    (lambda data: data[:40] + bytes([data[40] ^ 1]) + data[41:], "its own columns are others"),
    (lambda data: data[:-9] + b"\xff" + data[-8:], "its own columns are others|cannot be read back"),
    (lambda data: data[:-1], "is damaged"),
    (lambda data: data.replace(b"a.mp4", b"b.mp4"), "column video_url|cannot be read"),
])  # fmt: skip
def test_a_parquet_file_that_came_out_otherwise_is_found(
    spoil: Callable[[bytes], bytes], fault: str, tmp_path: Path
) -> None:
    """One byte of the user's part is enough."""
    path, copy = tmp_path / "shots.parquet", tmp_path / "copy.parquet"
    path.write_bytes(written(pa.table({"prompt": ["a", "b"], "image": ["x", "y"]})))
    copy.write_bytes(path.read_bytes())
    copy.write_bytes(spoil(saved(copy, CELLS)))
    with pytest.raises(ManifestError, match=fault):
        prove(open_table(path), copy, OURS, CELLS)


def test_a_parquet_file_written_anew_is_not_what_was_meant(tmp_path: Path) -> None:
    """The same cells are not enough: the user's bytes are to be in it."""
    path, copy = tmp_path / "shots.parquet", tmp_path / "copy.parquet"
    path.write_bytes(written(pa.table({"prompt": ["a", "b"], "image": ["x", "y"]})))
    copy.write_bytes(path.read_bytes())
    saved(copy, CELLS)
    pq.write_table(pq.read_table(copy), copy)
    with pytest.raises(ManifestError, match="its own columns are others"):
        prove(open_table(path), copy, OURS, CELLS)


@quickly(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(tables(), settings())
def test_every_parquet_file_is_proven(tmp_path: Path, table: pa.Table, how: dict[str, object]) -> None:
    """Whatever its columns are, also a second time."""
    path = tmp_path / "shots.parquet"
    path.write_bytes(written(table, **how))
    for cells in ([OPEN] * table.num_rows, rows(table.num_rows)):
        open_table(path).write(path, OURS, cells, cells)
    assert set(NAMES) <= set(open_table(path).columns)
