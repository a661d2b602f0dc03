"""Names cells, ranges and tables of a sheet as spreadsheets do: A1:E20. Pure."""

import re
from dataclasses import dataclass

COLUMNS = 16_384
"""Of a sheet (Excel's specifications)."""
RELATIONSHIPS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_RANGE = re.compile(r"\$?([A-Z]{1,3})\$?(\d{1,7})(?::\$?([A-Z]{1,3})\$?(\d{1,7}))?")


@dataclass(frozen=True, slots=True)
class Range:
    """A rectangle of cells; columns from 0, rows from 1, the last ones in it."""

    left: int
    top: int
    right: int
    bottom: int

    def __str__(self) -> str:
        return f"{column_letters(self.left)}{self.top}:{column_letters(self.right)}{self.bottom}"


@dataclass(frozen=True, slots=True)
class ExcelTable:
    """A part of a sheet that is a table to Excel (Insert > Table)."""

    part: str
    range: Range
    titles: tuple[str, ...]
    has_titles: bool
    totals: int
    growable: bool
    """Not where its columns come from a query or a map, which another part lists."""


def as_range(text: str) -> Range | None:
    """A reference like `A1:E20` or `C3`; None where it is another one."""
    found = _RANGE.fullmatch(text)
    if found is None:
        return None
    left, top = column_number(found[1]), int(found[2])
    return Range(left, top, column_number(found[3]) if found[3] else left, int(found[4]) if found[4] else top)


def column_number(letters: str) -> int:
    """A → 0, Z → 25, AA → 26."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


def column_letters(number: int) -> str:
    """0 → A, 26 → AA."""
    name, number = "", number + 1
    while number:
        number, rest = divmod(number - 1, 26)
        name = chr(65 + rest) + name
    return name
