"""Makes new tables: CSV, Parquet, or a workbook with choices to pick from and a note for each column."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batch.errors import UsageError
from batch.files.atomic import replacing

ROOM = 1000
"""Rows of a new workbook in which a choice can be picked."""


@dataclass(frozen=True, slots=True)
class StarterColumn:
    """A column of a new table."""

    title: str
    note: str = ""
    choices: Sequence[str] = ()
    width: int = 14
    """Characters."""


def make_table(path: Path, columns: Sequence[StarterColumn], rows: Sequence[Sequence[str]]) -> None:
    """Write a new table, in the form that its name ends in.

    Raises:
        UsageError: the name ends in none that can be made.
        TargetLocked: it cannot be written.
    """
    make = _FORMS.get(path.suffix.casefold())
    if make is None:
        raise UsageError(f"{path}: a new table is a .csv, an .xlsx or a .parquet file; name it so")
    data = make(columns, rows)
    with replacing(path, lambda: None) as file:
        file.write(data)


def _csv(columns: Sequence[StarterColumn], rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([[column.title for column in columns], *rows])
    return text.getvalue().encode("utf-8-sig")  # Excel takes it for UTF-8 by its mark alone


def _parquet(columns: Sequence[StarterColumn], rows: Sequence[Sequence[str]]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    cells = zip(*rows, strict=True) if rows else [()] * len(columns)
    values = {
        column.title: pa.array([text or None for text in texts], pa.string())
        for column, texts in zip(columns, cells, strict=True)
    }
    sink = io.BytesIO()
    pq.write_table(pa.table(values), sink)
    return sink.getvalue()


def _workbook(columns: Sequence[StarterColumn], rows: Sequence[Sequence[str]]) -> bytes:
    import xlsxwriter  # type: ignore[import-untyped]  # it has no types of its own, nor others for it

    sink = io.BytesIO()
    book = xlsxwriter.Workbook(sink, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    sheet = book.add_worksheet("Shots")
    title = book.add_format({"bold": True, "bottom": 1})
    text = book.add_format({"num_format": "@", "text_wrap": True, "valign": "top"})
    for at, column in enumerate(columns):
        # As text, so that an id keeps its zeros and nothing becomes a date.
        sheet.set_column(at, at, column.width, None if column.choices else text)
        sheet.write_string(0, at, column.title, title)
        if column.note:
            sheet.write_comment(0, at, column.note, {"x_scale": 2})
        if column.choices:
            sheet.data_validation(1, at, ROOM, at, {"validate": "list", "source": list(column.choices)})
        for number, row in enumerate(rows, 1):
            _write_cell(sheet, number, at, row[at], column, text)
    sheet.freeze_panes(1, 0)
    book.close()
    return sink.getvalue()


def _write_cell(sheet: Any, row: int, at: int, value: str, column: StarterColumn, text: Any) -> None:
    if not value:
        return
    if column.choices and value.isdecimal():
        sheet.write_number(row, at, int(value))
    else:
        sheet.write_string(row, at, value, text)


_FORMS: dict[str, Callable[[Sequence[StarterColumn], Sequence[Sequence[str]]], bytes]] = {
    ".csv": _csv,
    ".parquet": _parquet,
    ".xlsx": _workbook,
}
