"""Splits CSV text into records with their raw text, and one record's raw text into its cells."""

import csv
import re
from collections.abc import Iterable, Iterator
from functools import cache, partial

from batch.errors import ManifestError

# Room for an image as a data URI; small enough that a quote never closed does not swallow a large file into memory.
LONGEST_CELL = 32 << 20


def read_records(
    lines: Iterable[str], delimiter: str, name: str, *, quotes: bool = True
) -> Iterator[tuple[int, str, list[str]]]:
    """Number, raw text and cells of each record, the header among them; a blank line has no cells.

    Cells are what `csv.reader` makes of them. `name` stands in the ManifestError for a quote never closed. Without
    `quotes` they are text like any other sign.
    """
    held: list[str] = []
    ended = False

    def tapped() -> Iterator[str]:
        nonlocal ended
        for line in lines:
            held.append(line)
            yield line
        ended = True

    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_CELL))
    number = 0
    reader = partial(csv.reader, tapped(), delimiter=delimiter)
    try:
        for number, row in enumerate(reader() if quotes else reader(quoting=csv.QUOTE_NONE), 1):
            if ended:  # a record is complete with its line, unless a quote stands open
                raise ManifestError(f"{name}, row {number}: a quote is opened and never closed; {_QUOTE_REMEDY}")
            yield number, held[0] if len(held) == 1 else "".join(held), row
            held.clear()
    except csv.Error as fault:
        raise ManifestError(f"{name}, row {number + 1}: {fault}; {_QUOTE_REMEDY}") from fault


_QUOTE_REMEDY = 'close it, or write a quote inside a quoted cell twice ("")'


def raw_cells(body: str, delimiter: str, *, quotes: bool = True) -> list[str]:
    """The raw text of each cell of a record without its line end; joined by the delimiter they are the record."""
    if not quotes:
        return body.split(delimiter)
    return _pattern(delimiter).findall(body)


@cache
def _pattern(delimiter: str) -> re.Pattern[str]:
    # After the closing quote everything up to the delimiter belongs to the cell, quotes included, as in csv.reader.
    sign = re.escape(delimiter)
    rest = f"[^{sign}]*+"
    return re.compile(rf'(?:\A|{sign})("[^"]*+(?:""[^"]*+)*+"{rest}|{rest})')
