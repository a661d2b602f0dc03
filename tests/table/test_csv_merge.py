"""Where our cells come to stand in the user's records."""

from decimal import Decimal
from pathlib import Path

import pytest

from batch.table import Column, ColumnType
from tests.support.csv_files import STATUS, opened, written


def test_our_cells_stand_at_the_end_of_each_record(tmp_path: Path) -> None:
    """The user's raw text comes first, optional quotes and line ends included; blank lines stay blank."""
    data = b'"prompt",image\r\n"plain",b.png\r\n\r\n"two\r\nlines","x"\n'
    assert written(tmp_path, data, [STATUS], [("succeeded",), ("failed",)]) == (
        b'"prompt",image,status\r\n"plain",b.png,succeeded\r\n\r\n"two\r\nlines","x",failed\n'
    )


def test_ours_stand_right_of_the_longest_record(tmp_path: Path) -> None:
    """Short records are padded, the header gets blank names, and nothing of the user's comes under our name."""
    data = b"a,b\n1\n1,2,3,4\n"
    assert written(tmp_path, data, [STATUS], [("x",), ("y",)]) == b"a,b,,,status\n1,,,,x\n1,2,3,4,y\n"


def test_an_existing_column_is_filled_where_it_stands(tmp_path: Path) -> None:
    """The last of two columns of our name is ours, the rest of the record keeps its raw text."""
    data = b'status,"status",note\nmine,old,"n"\nmine\n'
    expected = b'status,"status",note,cost_usd\nmine,new,"n",0.49\nmine,newer,,0.98\n'
    columns = [STATUS, Column("cost_usd", ColumnType.MONEY)]
    assert written(tmp_path, data, columns, [("new", Decimal("0.49")), ("newer", Decimal("0.98"))]) == expected


def test_a_lone_column_of_ours_never_becomes_a_blank_line(tmp_path: Path) -> None:
    """An emptied cell stays a record."""
    assert written(tmp_path, b"status\nx\ny\n", [STATUS], [("",), (None,)]) == b'status\n""\n""\n'


def test_a_width_that_is_told_wrong_writes_nothing(tmp_path: Path) -> None:
    """The user's own cells would come to stand under our names."""
    data = b"a,b\n1,2,3\n"
    table = opened(tmp_path, data)
    table.width = 2
    with pytest.raises(ValueError, match="3 cells in a table of 2"):
        table.write(table.path, [STATUS], [("succeeded",)])
    assert table.path.read_bytes() == data
