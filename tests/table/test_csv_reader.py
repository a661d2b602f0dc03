"""Records and their raw cells, as csv.reader sees them."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from batch.errors import ManifestError
from batch.table import Record
from batch.table.csv_reader import raw_cells
from tests.support.csv_files import opened


def test_rows_are_numbered_as_a_spreadsheet_does(tmp_path: Path) -> None:
    """Blank lines count, quoted newlines and the separator line do not."""
    table = opened(tmp_path, b'sep=,\na,b\n1,"x\ny"\n\n2,z\n')
    assert list(table.records()) == [Record(2, ("1", "x\ny")), Record(4, ("2", "z"))]


def test_a_cell_may_be_megabytes_long(tmp_path: Path) -> None:
    """An image as a data URI is a cell like any other."""
    image = "data:image/png;base64," + "A" * 5_000_000
    table = opened(tmp_path, f'prompt,image\n"a, b","{image}"\n'.encode())
    assert [record.cells for record in table.records()] == [("a, b", image)]


def test_a_quote_left_open_does_not_read_the_whole_file_into_one_cell(tmp_path: Path) -> None:
    """Beyond the longest cell it is an error of the row in which the quote was opened."""
    table = opened(tmp_path, b'a,b\n1,2\n"3,4\n' + b"x" * (33 << 20) + b'",5\n')
    with pytest.raises(ManifestError, match="row 3"):
        list(table.records())


def closed(record: str, delimiter: str) -> bool:
    """Whether no quote stands open at the end, told by a cell that would otherwise be swallowed."""
    probe = record.rstrip("\r\n") + delimiter + "\N{SNOWMAN}"
    rows = list(csv.reader(io.StringIO(probe, newline=""), delimiter=delimiter))
    return not rows or rows[-1][-1] == "\N{SNOWMAN}"


@settings(max_examples=400, deadline=None)
@given(st.text(st.sampled_from('",a b;\n'), max_size=14), st.sampled_from(",;"))
def test_raw_cells_agree_with_csv_reader(body: str, delimiter: str) -> None:
    """For every complete record: as many cells, the same values, and joined they are the record."""
    assume(body and not body.endswith("\n") and closed(body, delimiter))
    rows = list(csv.reader(io.StringIO(body, newline=""), delimiter=delimiter))
    assume(len(rows) == 1)
    parts = raw_cells(body, delimiter)
    assert delimiter.join(parts) == body
    assert [
        (next(csv.reader(io.StringIO(part, newline=""), delimiter=delimiter), None) or [""])[0]
        for part in parts
        if '"' in part
    ] == [value for part, value in zip(parts, rows[0], strict=True) if '"' in part]
    assert all(part == value for part, value in zip(parts, rows[0], strict=True) if '"' not in part)
