"""Tells which cells of a CSV record their quotes do not enclose, and whether a file quotes at all."""

import re
from collections.abc import Iterable
from functools import cache

from batch.table.csv_reader import raw_cells

_QUOTED = r'"[^"]*+(?:""[^"]*+)*+'
_whole = re.compile(rf'{_QUOTED}"[ \t]*+').fullmatch
"""A cell in quotes, quotes inside it written twice; blanks behind it do no harm."""
_unclosed = re.compile(_QUOTED).fullmatch
_behind_blank = re.compile(rf"[ \t]+{_QUOTED}").fullmatch
"""There a quote encloses nothing: the cell ends at the next delimiter."""


def misquoted(raw: str, delimiter: str) -> tuple[tuple[int, str], ...]:
    """The cells of a record whose quotes do not enclose the whole of them: position and raw text.

    What a reader makes of them is not what was written: `"O P E N" on a sign` loses its quotes, and a text whose
    quotes are written as `\\"` ends at the next delimiter.
    """
    if '"' not in raw:  # nearly all records of a long sheet
        return ()
    body = raw.rstrip("\r\n")
    if _sound(delimiter).fullmatch(body):
        return ()
    return tuple((at, cell) for at, cell in enumerate(raw_cells(body, delimiter)) if _is_misquoted(cell))


def _is_misquoted(cell: str) -> bool:
    return not _whole(cell) if cell.startswith('"') else _behind_blank(cell) is not None


@cache
def _sound(delimiter: str) -> re.Pattern[str]:
    """A record none of whose cells is in doubt at all."""
    sign = re.escape(delimiter)
    blank = "" if delimiter == "\t" else r"\t"
    whole = rf'{_QUOTED}"[ {blank}]*+'
    plain = rf'(?![ {blank}]*")[^{sign}]*+'
    return re.compile(rf"(?:{whole}|{plain})(?:{sign}(?:{whole}|{plain}))*+")


def never_quotes(lines: Iterable[str]) -> bool:
    """Whether the lines of a tab-separated file, its header first, show that quotes are text in it like any sign.

    They do where a cell begins with a quote and goes on behind the next one, unless other cells show that the file
    does quote: by a quote written twice, or by a quoted cell with a tab or a line end in it, whose lines have more or
    fewer cells than the header.
    """
    rows = (line.rstrip("\r\n").split("\t") for line in lines)
    header = next((cells for cells in rows if cells != [""]), [""])
    if any(_is_misquoted(cell) for cell in header):
        return False
    found, open_line = False, False
    for cells in rows:
        if open_line and len(cells) != len(header) and cells != [""]:
            return False
        open_line = False
        for cell in cells:
            if cell.startswith('"') and not _whole(cell):
                goes_on = _unclosed(cell) is not None
                if goes_on and len(cells) != len(header):
                    return False
                open_line |= goes_on
                found |= not goes_on
            elif cell.startswith('"') and '""' in cell.strip()[1:-1]:
                return False
    return found
