"""Reads and writes an Excel workbook in place: one sheet gets our columns, the rest stays as it is."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from batch.errors import ManifestError, UsageError
from batch.files.atomic import TargetLocked, replacing
from batch.table.column import Cell, Column, ColumnType, column_positions
from batch.table.csv_rendering import money_text, time_text
from batch.table.header import LOOKED_THROUGH, find_header, known_names
from batch.table.proof import prove
from batch.table.reading_options import ReadingOptions
from batch.table.table import Record, Table
from batch.table.xlsx_append import SheetAppend
from batch.table.xlsx_edit import Place, SheetEdit
from batch.table.xlsx_links import with_relationships
from batch.table.xlsx_ranges import grown_table, lengthened_table, with_filter
from batch.table.xlsx_references import COLUMNS, ExcelTable, Range, as_range
from batch.table.xlsx_rows import NoRows, RawCell, RawRow, SheetStream, cells
from batch.table.xlsx_text import SharedStrings, decoded, storable
from batch.table.xlsx_values import NumberFormat, number_text
from batch.table.xlsx_workbook import (
    MOST_OF_A_SHEET,
    Sheet,
    excel_tables,
    part_of,
    read_workbook,
    relationships_part,
    strings_of,
)
from batch.table.xml_scan import TOKEN, XmlError, attributes, elements, unescaped
from batch.table.zip_package import PackageError, ZipPackage

_NAMED_ROWS = 5
"""Rows that a note names before the rest is only counted."""


class _Found(NamedTuple):
    """The titles of one sheet."""

    sheet: Sheet
    row: int
    titles: tuple[str, ...]
    above: tuple[str, ...]
    known: int
    """How many of them manifests use."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """What an edit has to respect in a sheet."""

    used: int
    """Columns up to the last one that holds anything."""
    taken: int
    """The first column right of the titles that holds something, from their row down."""
    formulas: dict[int, list[int]]
    """Column → the rows below the titles in which a formula stands."""
    protected: bool


class XlsxTable(Table):
    """A sheet of an Excel workbook."""

    delimiter = ""
    """Nothing stands between the cells: a text cannot run into the next one."""

    def __init__(self, path: Path, options: ReadingOptions | None = None) -> None:
        super().__init__(path)
        self._options = options or ReadingOptions()
        with self._reading():
            self._package = ZipPackage(path)
            self._workbook = read_workbook(self._package)
            self._strings = strings_of(self._package, self._workbook)
            found, self._others = self._choose()
            self._sheet, self.header_row, self.columns, self.above, _ = found
            tables = excel_tables(self._package, self._sheet)
        self._table = self._own_table(tables)
        self._other_tables = [table for table in tables if table is not self._table]
        if self._table:
            width = self._table.range.right + 1
            self.columns += ("",) * (width - len(self.columns))
        self._last_row = self._table.range.bottom - self._table.totals if self._table else None
        self.width = len(self.columns)

    def records(self, wanted: Iterable[int] | None = None) -> Iterator[Record]:
        """See Table."""
        width, count = len(self.columns), 0
        positions = {*range(width)} if wanted is None else {*wanted}
        with self._reading():
            for row, found in self._rows():
                if not self._is_record(row, found):
                    continue
                texts = [""] * width
                for cell in found:
                    if cell.column in positions and cell.column < width:
                        texts[cell.column] = self._text(cell)
                count += 1
                yield Record(row.number, tuple(texts))
        self.count = count

    def require_writable(self, columns: Sequence[Column]) -> None:
        """See Table."""
        self._places(columns)

    def notes(self, positions: Iterable[int]) -> Iterator[str]:
        """See Table."""
        if self._others:
            listed = ", ".join(repr(name) for name in self._others)
            yield f"read from the sheet {self._sheet.name!r}; for another one say --sheet NAME (there are {listed})"
        for at in sorted(positions):
            if rows := self._layout.formulas.get(at):
                named = ", ".join(map(str, rows[:_NAMED_ROWS]))
                more = f" and {len(rows) - _NAMED_ROWS} more" if len(rows) > _NAMED_ROWS else ""
                yield (
                    f"column {self.columns[at]!r} holds formulas (row {named}{more}): what counts is what they gave "
                    "when the workbook was last saved"
                )
        if self._layout.protected:
            yield f"the sheet {self._sheet.name!r} is protected against typing; it stays so, and gets our columns"

    def write(
        self,
        target: Path,
        columns: Sequence[Column],
        rows: Iterable[Sequence[Cell]],
        proof: Iterable[Sequence[Cell]] | None = None,
    ) -> str:
        """See Table."""
        _require_form(target, self.path)
        _require_closed(target)
        with self._reading():
            places = self._places(columns)
            with replacing(target, lambda: self._before_rename(target), self.path) as file:
                self._package.write(file, self._changed(places, iter(rows)) if places else ())
                if proof is not None:
                    file.flush()
                    prove(self, file.path, columns, proof)
            return file.digest()

    def append(self, rows: Sequence[Mapping[int, str]]) -> None:
        """See Table."""
        _require_closed(self.path)
        with self._reading():
            after = self._last_used(len(rows))
            with replacing(self.path, lambda: self._before_rename(self.path), self.path) as file:
                self._package.write(file, self._with_rows(after, rows))

    def _last_used(self, count: int) -> int:
        """The row below which new ones come to stand. Raises ManifestError where something is in their way."""
        filled = [
            row.number
            for row, found in self._rows()
            if any(cell.formula is not None or self._has_text(cell) for cell in found)
        ]
        if self._table is None:
            return filled[-1] if filled else self.header_row
        below = [number for number in filled if number > self._table.range.bottom]
        if self._table.totals or (below and below[0] <= self._table.range.bottom + count):
            raise ManifestError(
                f"{self.path}: {count} new rows would come over what stands below the table in {self._sheet.name!r} "
                f"(row {self._table.range.bottom + (0 if self._table.totals else 1)}): move that away first"
            )
        return self._table.range.bottom

    def _with_rows(self, after: int, rows: Sequence[Mapping[int, str]]) -> Iterator[tuple[str, Iterable[bytes]]]:
        """The parts that change with new rows."""
        if self._strings:
            self._strings.forget_new()
        more = SheetAppend(stream=self._stream(self._sheet), after=after, rows=rows, strings=self._strings)
        yield self._sheet.part, more.written()
        if self._strings and self._workbook.strings_part and self._strings.grown:
            yield self._workbook.strings_part, self._strings.written()
        if self._table:
            part = part_of(self._package, self._table.part)
            yield self._table.part, [lengthened_table(part, self._table, len(rows))]

    def as_read(self, columns: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> Iterator[Sequence[str]]:
        """See Table."""
        makers = [_AS_READ[column.type] for column in columns]
        for row in rows:
            yield ["" if cell is None else make(cell) for make, cell in zip(makers, row, strict=True)]

    def same_users_bytes(self, copy: Table, before: Sequence[int], after: Sequence[int]) -> bool | None:
        """See Table. All other parts, and in the sheet each cell of the user's, are the same bytes."""
        if not isinstance(copy, XlsxTable):
            return False
        with self._reading(), copy._reading():
            if self._package.differs(copy._package, self._may_change()):
                return False
            if (
                self._strings
                and copy._strings
                and copy._strings.texts[: self._strings.known] != self._strings.known_texts
            ):
                return False
            ours, theirs = ({*range(len(table.columns))} - {*users} for table, users in ((self, before), (copy, after)))
            rows = zip_longest(self._sheet_rows(self._sheet), copy._sheet_rows(copy._sheet))
            return all(one and other and _same_cells(one, ours, other, theirs) for one, other in rows)

    def reopened(self, path: Path) -> "XlsxTable":
        """See Table. The same sheet, also where another one would be the first that fits."""
        options = ReadingOptions(sheet=self._sheet.name, header_row=self.header_row, titles=self._options.titles)
        return XlsxTable(path, options)

    def _choose(self) -> tuple[_Found, list[str]]:
        """The sheet that is meant, and the names of others that might be."""
        told = self._options.sheet
        sheets = [sheet for sheet in self._workbook.sheets if told is not None or not sheet.hidden]
        if told is not None:
            sheets = _named(sheets, told, self.path)
        found = [one for one in map(self._titles_of, sheets) if one]
        if not found and self._options.header_row:
            raise UsageError(f"--header-row {self._options.header_row}: that row of {self.path} is blank, or not there")
        if not found:
            raise ManifestError(
                f"{self.path} holds no header: put the names of the columns in the first row of a sheet"
            )
        chosen = max(found, key=lambda one: one.known)
        return chosen, [one.sheet.name for one in found if one is not chosen and one.known > 1]

    def _titles_of(self, sheet: Sheet) -> _Found | None:
        told, titles = self._options.header_row, self._options.titles
        looked: list[tuple[int, list[str]]] = []
        most = told or LOOKED_THROUGH
        for row, prefix in self._sheet_rows(sheet):
            if row.number > most:
                break
            texts: list[str] = []
            for cell in cells(row, prefix):
                if text := self._text(cell):
                    texts += [""] * (cell.column - len(texts)) + [text]
            looked.append((row.number, texts))
        header = find_header(iter(looked), told, titles)
        if header is None:
            return None
        number, names = header
        above = tuple(next(filter(str.strip, row), "") for at, row in looked if at < number and any(row))
        return _Found(sheet, number, tuple(names), above, len(known_names(names, titles)))

    def _own_table(self, tables: Sequence[ExcelTable]) -> ExcelTable | None:
        """The Excel table whose titles are ours to read: where several stand side by side, the one that knows most."""
        here = [table for table in tables if table.has_titles and table.range.top == self.header_row]
        return max(here, key=lambda table: len(known_names(table.titles, self._options.titles)), default=None)

    def _stream(self, sheet: Sheet) -> SheetStream:
        return SheetStream(self._package.stream(sheet.part, MOST_OF_A_SHEET))

    def _sheet_rows(self, sheet: Sheet) -> Iterator[tuple[RawRow, bytes]]:
        """Each row, and the prefix of the names of its elements."""
        try:
            stream = self._stream(sheet)
            for row in stream.rows():
                yield row, stream.prefix
        except NoRows:
            return
        except XmlError as fault:
            raise PackageError(f"cannot be read: {sheet.part} {fault}") from fault

    def _rows(self) -> Iterator[tuple[RawRow, list[RawCell]]]:
        """Those that may be records: below the titles, and above the totals."""
        for row, prefix in self._sheet_rows(self._sheet):
            if row.number > self.header_row:
                yield row, cells(row, prefix)

    def _is_record(self, row: RawRow, found: Sequence[RawCell]) -> bool:
        if self._last_row is not None and row.number > self._last_row:
            return False
        return any(cell.formula is not None or self._has_text(cell) for cell in found)

    def _has_text(self, cell: RawCell) -> bool:
        return bool(cell.value) and (cell.kind != b"s" or self._text(cell) != "")

    def _text(self, cell: RawCell) -> str:
        """The text of a cell, as the person sees it."""
        value = cell.value
        if cell.formula is not None and (value is None or (not value and cell.kind == b"n")):
            return f"={unescaped(cell.formula)}"  # it was never calculated
        if not value:
            return ""
        match cell.kind:
            case b"n":
                formats = self._workbook.formats
                shown = formats[cell.style] if cell.style < len(formats) else NumberFormat()
                return number_text(value.decode(), shown, since_1904=self._workbook.since_1904)
            case b"s":
                try:
                    return (self._strings or _NO_STRINGS).texts[int(value)]
                except (ValueError, IndexError) as fault:
                    raise XmlError(f"refers to a text that is not there ({value[:20].decode()})") from fault
            case b"b":
                return "TRUE" if value.strip() in (b"1", b"true") else "FALSE"
            case b"str" | b"inlineStr":
                return decoded(unescaped(value))
            case _:
                return unescaped(value)

    @cached_property
    def _layout(self) -> _Layout:
        """Found in one reading of the whole sheet."""
        used, taken, width = len(self.columns), COLUMNS, len(self.columns)
        formulas: dict[int, list[int]] = {}
        with self._reading():
            stream = self._stream(self._sheet)
            for row in stream.rows():
                found = [cell for cell in cells(row, stream.prefix) if cell.formula is not None or cell.value]
                if found:
                    used = max(used, found[-1].column + 1)
                if row.number < self.header_row:
                    continue
                if right := [cell.column for cell in found if cell.column >= width]:
                    taken = min(taken, right[0])
                for cell in found:
                    if cell.formula is not None and row.number > self.header_row:
                        formulas.setdefault(cell.column, []).append(row.number)
            merges, protected = _tail_of(stream.tail)
        for one in [*merges, *(table.range for table in self._other_tables)]:
            used = max(used, one.right + 1)
            if one.bottom >= self.header_row and one.right >= width:
                taken = min(taken, max(one.left, width))
        return _Layout(used, taken, formulas, protected)

    def _places(self, columns: Sequence[Column]) -> list[Place]:
        """Where our columns stand: directly right of the titles where there is room, else right of everything."""
        names, width = [column.name for column in columns], len(self.columns)
        new = len({*names} - {*self.columns})
        if new and self._layout.taken < width + new:
            width = self._layout.used
        if new and width + new > COLUMNS:
            raise ManifestError(
                f"{self.path}: the sheet {self._sheet.name!r} has no room for {new} more columns right of what is in it"
            )
        positions = column_positions(names, self.columns, width)
        return [
            Place(column, at, new=at >= len(self.columns) or self.columns[at] != column.name)
            for column, at in zip(columns, positions, strict=True)
        ]

    def _changed(
        self, places: Sequence[Place], rows: Iterator[Sequence[Cell]]
    ) -> Iterator[tuple[str, Iterable[bytes]]]:
        """The parts that change; each is made before the next one is asked for, and may decide about it."""
        if self._strings:
            self._strings.forget_new()
        sheet = self._sheet.part
        edit = SheetEdit(
            stream=self._stream(self._sheet),
            places=places,
            header_row=self.header_row,
            is_record=self._is_record,
            strings=self._strings,
            formats=self._workbook.formats,
            rows=rows,
        )
        yield sheet, edit.written()
        if self._strings and self._workbook.strings_part and self._strings.grown:
            yield self._workbook.strings_part, self._strings.written()
        listed = relationships_part(sheet)
        before = part_of(self._package, listed) if listed in self._package else None
        after = with_relationships(before, edit.dropped, edit.links) if edit.dropped or edit.links else None
        if after is not None:
            yield listed, [after]
        if self._table and (titles := self._grown_by(self._table, places)):
            yield self._table.part, [grown_table(part_of(self._package, self._table.part), self._table, titles)]
        if edit.filter and (named := with_filter(self._workbook_bytes(), self._sheet.index, *edit.filter)):
            yield self._workbook.part, [named]

    def _workbook_bytes(self) -> bytes:
        return part_of(self._package, self._workbook.part)

    def _grown_by(self, table: ExcelTable, places: Sequence[Place]) -> list[str]:
        """The titles of ours that join an Excel table at its right edge; it cannot have one of them twice."""
        new = sorted((place for place in places if place.new), key=lambda place: place.at)
        titles = [place.column.name for place in new]
        known = {title.casefold() for title in table.titles}
        joins = bool(new) and new[0].at == table.range.right + 1
        if not joins or not table.growable or known & {title.casefold() for title in titles}:
            return []
        return titles

    def _may_change(self) -> set[str]:
        sheet = self._sheet.part
        parts = {sheet, relationships_part(sheet), self._workbook.part}
        return parts | {part for part in (self._workbook.strings_part, self._table and self._table.part) if part}

    def _before_rename(self, target: Path) -> None:
        self.require_unchanged()
        _require_closed(target)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Reads the file that was opened, or raises TableChanged."""
        self.require_unchanged()
        try:
            yield
        except (PackageError, XmlError) as fault:
            self.require_unchanged()
            raise ManifestError(f"{self.path} {fault}") from fault
        except OSError as fault:
            self.require_unchanged()
            raise ManifestError(f"{self.path} cannot be read ({fault.strerror or fault})") from fault


_NO_STRINGS = SharedStrings(b"<sst/>")


def _text_as_read(text: str) -> str:
    return storable(text)


_AS_READ: dict[ColumnType, Callable[..., str]] = {
    ColumnType.TEXT: _text_as_read,
    ColumnType.INTEGER: str,
    ColumnType.MONEY: lambda amount: number_text(money_text(amount), NumberFormat(), since_1904=False),
    ColumnType.TIME: time_text,
}


def _same_cells(one: tuple[RawRow, bytes], ours: set[int], other: tuple[RawRow, bytes], theirs: set[int]) -> bool:
    """Whether two rows have the same cells in the same bytes, but for columns of ours here and there."""
    (row, prefix), (copy, copy_prefix) = one, other
    if row.number != copy.number or prefix != copy_prefix:
        return False
    if not ours and copy.content.startswith(row.content):  # ours stand right of all that was there
        return all(cell.column in theirs for cell in cells(copy, prefix, len(row.content)))
    # Where ours came in new, there may have been cells with a format and nothing in them.
    before = [
        row.content[cell.start : cell.end]
        for cell in cells(row, prefix)
        if cell.column not in ours and (cell.column not in theirs or cell.value or cell.formula is not None)
    ]
    return before == [copy.content[one.start : one.end] for one in cells(copy, prefix) if one.column not in theirs]


def _named(sheets: Sequence[Sheet], name: str, path: Path) -> list[Sheet]:
    exact = [sheet for sheet in sheets if sheet.name == name]
    found = exact or [sheet for sheet in sheets if sheet.name.strip().casefold() == name.strip().casefold()]
    if len(found) != 1:
        listed = ", ".join(repr(sheet.name) for sheet in sheets)
        raise UsageError(f"--sheet {name}: {path} has no sheet of that name; it has: {listed}")
    return found


def _tail_of(tail: bytes) -> tuple[list[Range], bool]:
    """The merged cells of a sheet, and whether it is protected, from what stands behind its rows."""
    after_rows = next(token.end() for token in TOKEN.finditer(tail) if token["name"] is not None)
    merges: list[Range] = []
    protected = False
    for child in elements(tail, after_rows):
        if child.local == b"mergeCells":
            told = (attributes(one.attributes).get("ref", "") for one in elements(tail, child.content, child.close))
            merges += [found for found in map(as_range, told) if found]
        elif child.local == b"sheetProtection":
            protected = attributes(child.attributes).get("sheet", "0") in ("1", "true")
    return merges, protected


def _require_form(target: Path, path: Path) -> None:
    """Results of a workbook are a workbook of the same kind: Excel refuses one by another name."""
    if target.suffix.casefold() != path.suffix.casefold():
        raise ManifestError(
            f"{target} cannot hold the results of {path}, which are a workbook too: give it a name that ends in "
            f"{path.suffix or 'nothing'}"
        )


def _require_closed(target: Path) -> None:
    """Nobody has the workbook open: a program that does not keep others from replacing it would undo that.

    Raises TargetLocked.
    """
    real = Path(os.path.realpath(target))
    for name, program in ((f"~${real.name}", "Excel"), (f".~lock.{real.name}#", "LibreOffice")):
        mark = real.with_name(name)
        if mark.exists():
            raise TargetLocked(
                f"{target} is open in {program}, as {mark.name} beside it says: close it there (if nobody has it open, "
                "a crash has left that file: delete it)"
            )
