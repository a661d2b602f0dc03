"""A stored number is shown as its format shows it."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.table.xlsx_values import NumberFormat, ShownAs, number_format, number_text


@pytest.mark.parametrize(
    ("number", "code", "shown", "zeros", "plain"),
    [
        (0, None, ShownAs.NUMBER, 0, True),
        (49, None, ShownAs.NUMBER, 0, True),
        (2, None, ShownAs.NUMBER, 0, False),
        (14, None, ShownAs.DATE, 0, False),
        (22, None, ShownAs.DATE_AND_TIME, 0, False),
        (46, None, ShownAs.ELAPSED, 0, False),
        (45, None, ShownAs.TIME, 0, False),
        (57, None, ShownAs.DATE, 0, False),
        (164, "General", ShownAs.NUMBER, 0, True),
        (164, "@", ShownAs.NUMBER, 0, True),
        (164, "00000", ShownAs.NUMBER, 5, False),
        (164, "0.00", ShownAs.NUMBER, 0, False),
        (164, '#,##0.00" USD"', ShownAs.NUMBER, 0, False),
        (164, "[Red]0.0;[Blue]-0.0", ShownAs.NUMBER, 0, False),
        (164, "[$-409]d-mmm-yy;@", ShownAs.DATE, 0, False),
        (164, "[$€-2] #,##0", ShownAs.NUMBER, 0, False),
        (164, "0.00E+00", ShownAs.NUMBER, 0, False),
        (164, "h:mm AM/PM", ShownAs.TIME, 0, False),
        (164, "mm:ss.0", ShownAs.TIME, 0, False),
        (164, "[mm]:ss", ShownAs.ELAPSED, 0, False),
        (164, r"yyyy\-mm\-dd\ hh:mm", ShownAs.DATE_AND_TIME, 0, False),
        (164, 'mmmm "of the year"', ShownAs.DATE, 0, False),
        (164, "", ShownAs.NUMBER, 0, False),
    ],
)
def test_a_format_says_what_it_shows(number: int, code: str | None, shown: ShownAs, zeros: int, plain: bool) -> None:
    """By its number, or by its code without what is only written beside the number."""
    assert number_format(number, code) == NumberFormat(shown, zeros, plain)


@given(st.integers(-(10**14), 10**14))
def test_whole_numbers_are_shown_whole(number: int) -> None:
    """With or without a point; padded only where they are not less than nothing."""
    assert number_text(f"{number}", NumberFormat(), since_1904=False) == str(number)
    assert number_text(f"{number}.0", NumberFormat(), since_1904=False) == str(number)
    padded = number_text(f"{number}", NumberFormat(zeros=5), since_1904=False)
    assert padded == (str(number).zfill(5) if number >= 0 else str(number))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_any_number_is_shown_as_one(number: float) -> None:
    """To 15 digits, as a spreadsheet has them."""
    assert float(number_text(repr(number), NumberFormat(), since_1904=False)) == float(f"{number:.15g}")


@given(st.integers(61, 2_000_000))
def test_days_are_counted_as_a_calendar_does(serial: int) -> None:
    """From both beginnings."""
    of_day = NumberFormat(ShownAs.DATE)
    assert number_text(str(serial), of_day, since_1904=False) == str(date(1899, 12, 30) + timedelta(serial))
    assert number_text(str(serial), of_day, since_1904=True) == str(date(1904, 1, 1) + timedelta(serial))


def test_the_first_days_of_1900() -> None:
    """With the one that spreadsheets alone know; what no calendar has is the number it is."""
    shown = [
        number_text(raw, NumberFormat(ShownAs.DATE), since_1904=False) for raw in ("0", "1", "59", "60", "61", "-1")
    ]
    assert shown == ["1900-01-00", "1900-01-01", "1900-02-28", "1900-02-29", "1900-03-01", "-1"]
    assert number_text("nonsense", NumberFormat(), since_1904=False) == "nonsense"
