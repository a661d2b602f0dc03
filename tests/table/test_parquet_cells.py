"""Texts of Arrow's values, and our cells as Arrow's."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from batch.table import Cell, Column, ColumnType
from batch.table.parquet_cells import arrays, texts

AT = datetime(2026, 11, 22, 18, 54, 31, 250000, tzinfo=UTC)
COLUMNS = [
    Column("text", ColumnType.TEXT),
    Column("number", ColumnType.INTEGER),
    Column("money", ColumnType.MONEY),
    Column("time", ColumnType.TIME),
]


@pytest.mark.parametrize(("array", "shown"), [
    (pa.array([0.1, None], pa.float32()), ["0.1", ""]),
    (pa.array([253_402_214_400, None], pa.timestamp("s")), ["9999-12-31 00:00:00", ""]),
    (pa.DictionaryArray.from_arrays(pa.array([1, None], pa.int8()), pa.array(["a", "b"])), ["b", ""]),
    (pa.array([[1], None], pa.list_(pa.int8())), ["[1]", ""]),
    (pa.array([b"\xff", None]), ["\\xff", ""]),
])  # fmt: skip
def test_values_have_the_text_of_a_csv_file(array: Any, shown: list[str]) -> None:
    """Nothing for null; dates that Python cannot hold as Arrow writes them."""
    assert texts(array) == shown


def test_our_cells_get_their_types() -> None:
    """As many rows as are asked for; the others stay."""
    rows: list[tuple[Cell, ...]] = [("a", 1, Decimal("0.49"), AT), (None, None, None, None), ("\ud800", 2, None, AT)]
    left = iter(rows)
    found = arrays(COLUMNS, left, 2)
    assert [array.to_pylist() for array in found] == [["a", None], [1, None], [0.49, None], [AT, None]]
    assert [str(array.type) for array in found] == ["string", "int32", "double", "timestamp[us, tz=UTC]"]
    assert arrays(COLUMNS, left, 5)[0].to_pylist() == ["\\ud800"]
    assert len(arrays(COLUMNS, left, 5)[0]) == 0


def test_a_time_has_its_zone() -> None:
    """Else nobody knows when it was."""
    with pytest.raises(ValueError, match="without its zone"):
        arrays(COLUMNS, iter([(None, None, None, AT.replace(tzinfo=None))]), 1)
