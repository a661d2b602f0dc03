"""Cells, ranges and columns have the names that spreadsheets give them."""

from hypothesis import given
from hypothesis import strategies as st

from batch.table.xlsx_references import Range, as_range, column_letters, column_number


@given(st.integers(0, 20_000))
def test_columns_have_letters(number: int) -> None:
    """Both ways."""
    assert column_number(column_letters(number)) == number


def test_ranges_are_read_as_they_are_written() -> None:
    """One cell is a range too; names and whole columns are none."""
    assert (column_letters(0), column_letters(25), column_letters(26), column_letters(16_383)) == (
        "A",
        "Z",
        "AA",
        "XFD",
    )
    assert as_range("A1:E20") == Range(0, 1, 4, 20)
    assert as_range("$B$2") == Range(1, 2, 1, 2)
    assert str(Range(1, 2, 27, 9)) == "B2:AB9"
    assert [as_range(text) for text in ("", "A:A", "1:1", "Name", "A1:B2:C3")] == [None] * 5
