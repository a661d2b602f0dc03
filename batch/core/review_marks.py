"""Reads the marks of a review, as the page saves them: clips to keep or to redo, with notes. Pure.

The file is `id,row,take,mark,note,request_id`, a line for each clip: `mark` is `keep`, `redo` or empty, `take` the
number of the take that was looked at, `request_id` that of its request. A spreadsheet may have saved it since, with `;`
or tabs.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from batch.core.plain_text import one_line
from batch.errors import UsageError

COLUMNS = ("id", "row", "take", "mark", "note", "request_id")
"""In this order; a file that was made by hand may be without the last one."""
_DELIMITERS = (",", ";", "\t")


class ClipMark(StrEnum):
    """What is to be done with a clip."""

    KEEP = "keep"
    REDO = "redo"
    NONE = ""


@dataclass(frozen=True, slots=True)
class ReviewMark:
    """One clip as it was marked."""

    line: int
    """Of the file, the header being 1."""
    id: str
    """Of the row; empty where it has none."""
    row: int | None
    """As the spreadsheet numbered it when it was looked at; None: not said."""
    take: int | None
    """Which take was looked at; None: not said."""
    mark: ClipMark
    note: str
    request_id: str
    """Of the take that was looked at; empty: not said."""


def read_marks(content: bytes, name: str) -> list[ReviewMark]:
    """Every clip in the file, also those without a mark; empty lines are none.

    Args:
        name: of the file, for who reads what is wrong with it.

    Raises:
        UsageError: something in it cannot be meant; its line, and what to do.
    """
    text = _decoded(content)
    first = text.splitlines()[0] if text.strip() else ""
    delimiter = max(_DELIMITERS, key=first.count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = [cell.strip().casefold() for cell in next(lines, [])]
        if tuple(header) not in (COLUMNS, COLUMNS[:-1]):
            found = one_line(first)[:80] or "nothing"
            raise UsageError(
                f"{name}, line 1: the columns are to be {','.join(COLUMNS)}, and it has {found}: save the marks again "
                "from the report, or mend the first line"
            )
        return list(_marks(lines, len(header), name))
    except csv.Error as error:
        raise UsageError(
            f"{name}, line {lines.line_num}: it is no CSV ({error}): save the marks again from the report"
        ) from error


def _marks(lines: Iterator[list[str]], width: int, name: str) -> Iterator[ReviewMark]:
    begins = 2
    for record in lines:
        line, begins = begins, getattr(lines, "line_num", begins) + 1
        cells = [cell.strip() for cell in record]
        if not any(cells):
            continue
        if any(cells[width:]):
            raise UsageError(
                f"{name}, line {line}: it has {len(cells)} cells, and there are {width} columns: put quotes round a "
                "note with a comma in it"
            )
        row_id, row, take, mark, note, request_id, *_ = [*cells, *[""] * len(COLUMNS)]
        where = f"{name}, line {line}"
        if not (row_id or row or request_id):
            raise UsageError(f"{where}: it names no row: give its id or its row")
        yield ReviewMark(
            line,
            row_id,
            _number(row, 2, f"{where}, column row", "the number of a row, 2 or more"),
            _number(take, 1, f"{where}, column take", "the number of a take, 1 or more"),
            _mark(mark, where),
            note,
            request_id,
        )


def _decoded(content: bytes) -> str:
    """As the page saves it, or a spreadsheet after it."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _number(text: str, least: int, where: str, what: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) >= least):
        raise UsageError(f"{where}: {_shown(text)} is not {what}: mend it, or leave it empty")
    return int(text)


def _mark(text: str, where: str) -> ClipMark:
    try:
        return ClipMark(text.casefold())
    except ValueError as error:
        raise UsageError(
            f"{where}, column mark: {_shown(text)} is no mark: write keep or redo, or leave it empty"
        ) from error


def _shown(text: str) -> str:
    return repr(one_line(text[:40]))
