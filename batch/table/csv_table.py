"""Reads and writes a CSV manifest: every byte of the user's kept, our cells in each record."""

import csv
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import StringIO
from itertools import chain, islice, repeat
from pathlib import Path

from batch.errors import ManifestError, UsageError
from batch.files.atomic import replacing
from batch.table.column import Cell, Column
from batch.table.csv_merge import CsvMerge
from batch.table.csv_reader import read_records
from batch.table.csv_rendering import quoted, renderer, unquoted
from batch.table.dialect import find_delimiter, find_dialect, head_of
from batch.table.header import LOOKED_THROUGH, find_header
from batch.table.proof import prove
from batch.table.quoting import misquoted
from batch.table.reading_options import ReadingOptions
from batch.table.table import Record, Table

BLOCK = 1 << 20


class CsvTable(Table):
    """A CSV file."""

    def __init__(self, path: Path, options: ReadingOptions | None = None) -> None:
        super().__init__(path)
        self._options = options or ReadingOptions()
        self.dialect = find_dialect(path, self._options)
        if self.dialect.encoding.guessed:
            self.guessed = "Windows-1252"
        self.delimiter = self.dialect.delimiter
        self._header, self.columns = self._find_header()

    def records(self, wanted: Iterable[int] | None = None) -> Iterator[Record]:  # noqa: ARG002 - all are at hand
        """See Table."""
        width = widest = len(self.columns)
        count = 0
        delimiter, quotes = self.dialect.delimiter, self.dialect.quotes
        for number, raw, row in self._raw_records():
            found = len(row)
            if not found or number <= self._header:
                continue
            count += 1
            amiss = misquoted(raw, delimiter) if quotes else ()
            if found == width:
                yield Record(number, tuple(row), (), amiss)
                continue
            widest = max(widest, found)
            row += [""] * (width - found)
            yield Record(number, tuple(row[:width]), tuple(row[width:]), amiss)
        self.width, self.count = widest, count

    def write(
        self,
        target: Path,
        columns: Sequence[Column],
        rows: Iterable[Sequence[Cell]],
        proof: Iterable[Sequence[Cell]] | None = None,
    ) -> str:
        """See Table."""
        csv_merge = self._csv_merge(columns)
        render = renderer(columns, self.dialect.delimiter, quotes=self.dialect.quotes)
        merged = self._merged(csv_merge, map(render, rows) if columns else repeat([]))
        with replacing(target, self.require_unchanged, self.path) as file:
            encoder = self.dialect.encoder()
            file.write(self.dialect.encoding.bom)
            for block in _blocks(self._unambiguous(merged)):
                file.write(encoder.encode(block))
            file.write(encoder.encode("", final=True))
            if proof is not None:
                file.flush()
                prove(self, file.path, columns, proof)
        return file.digest()

    def append(self, rows: Sequence[Mapping[int, str]]) -> None:
        """See Table."""
        delimiter = self.dialect.delimiter
        end, closed = self._line_end()
        lines = []
        for row in rows:
            cells = [row.get(at, "") for at in range(len(self.columns))]
            made = [quoted(cell, delimiter) if self.dialect.quotes else unquoted(cell) for cell in cells]
            lines.append(delimiter.join(made) + end)
        text = "".join(["" if closed else end, *lines])
        if self.dialect.expressed(text) != text:
            raise ManifestError(
                f"{self.path}: its encoding ({self.dialect.encoding.codec}) has no letter for what comes in; "
                'save it as "CSV UTF-8" first'
            )
        with replacing(self.path, self.require_unchanged, self.path) as file, self.path.open("rb") as source:
            shutil.copyfileobj(source, file)
            file.write(self.dialect.encoder().encode(text, final=True))

    def _line_end(self) -> tuple[str, bool]:
        """What ends a line here, and whether the last one has it."""
        end, last = "\r\n", ""
        for number, raw, _ in self._raw_records():
            last = raw
            if number == self._header and raw != raw.rstrip("\r\n"):
                end = raw[len(raw.rstrip("\r\n")) :]
        return end, last.endswith(("\r", "\n"))

    def as_read(self, columns: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> Iterator[Sequence[str]]:
        """See Table."""
        delimiter, quotes = self.dialect.delimiter, self.dialect.quotes
        for cells in map(renderer(columns, delimiter, quotes=quotes), rows):
            line = self.dialect.expressed(delimiter.join(cells))
            yield next(csv.reader([line], delimiter=delimiter), [""]) if quotes else line.split(delimiter)

    def same_users_bytes(self, copy: Table, before: Sequence[int], after: Sequence[int]) -> bool | None:  # noqa: ARG002
        """See Table. What stands above the titles is told by its bytes, and the records by their cells."""
        return None if isinstance(copy, CsvTable) and copy.text_above() == self.text_above() else False

    def text_above(self) -> str:
        """The raw text above the titles."""
        return "".join(raw for _, raw, _ in islice(self._raw_records(), self._header - 1))

    def reopened(self, path: Path) -> "CsvTable":
        """See Table."""
        return CsvTable(path, self._options)

    def names_as_read(self, columns: Sequence[Column]) -> list[str]:
        """See Table."""
        names = [column.name if self.dialect.quotes else unquoted(column.name) for column in columns]
        return [self.dialect.expressed(name) for name in names]

    def _find_header(self) -> tuple[int, tuple[str, ...]]:
        told = self._options.header_row
        looked: list[tuple[int, list[str]]] = []
        found = find_header(self._first_rows(looked, told or LOOKED_THROUGH), told, self._options.titles)
        if any("\0" in name for name in next((row for _, row in looked if row), [])):
            raise ManifestError(
                f'{self.path} is no text table: its header holds NUL bytes; save it as "CSV UTF-8", or say --encoding '
                "utf-16-le if it is UTF-16 without its mark"
            )
        if not found and told:
            raise UsageError(f"--header-row {told}: row {told} of {self.path} is blank, or not there")
        if not found:
            raise ManifestError(f"{self.path} holds no header: put the names of the columns in its first row")
        self.header_row, titles = found
        self.above = tuple(next(filter(str.strip, row), "") for _, row in looked[: found[0] - 1] if any(row))
        return found[0], tuple(titles)

    def _first_rows(self, looked: list[tuple[int, list[str]]], most: int) -> Iterator[tuple[int, list[str]]]:
        """So many, as far as they are asked for; those that were go into `looked`."""
        try:
            for number, _, row in islice(self._raw_records(), most):
                looked.append((number, row))
                yield number, row
        except ManifestError:
            if not any(cells for _, cells in looked):
                raise  # else it is told when the records are read

    def _raw_records(self) -> Iterator[tuple[int, str, list[str]]]:
        """The records of the file that was opened, or TableChanged."""
        self.require_unchanged()
        try:
            with self.dialect.open_text(self.path) as lines:
                yield from read_records(lines, self.dialect.delimiter, str(self.path), quotes=self.dialect.quotes)
        except (OSError, UnicodeDecodeError) as fault:
            self.require_unchanged()
            raise ManifestError(f"{self.path} cannot be read: {fault}") from fault
        self.require_unchanged()

    def _csv_merge(self, columns: Sequence[Column]) -> CsvMerge:
        names = self.names_as_read(columns)
        # Ours stand right of the longest record, so that nothing of the user's comes under our names.
        width = len(self.columns) if set(names) <= set(self.columns) else self._measured()
        return CsvMerge(self.dialect.delimiter, self.columns, names, width, quotes=self.dialect.quotes)

    def _measured(self) -> int:
        if self.width is None:
            self.width = max(len(row) for number, _, row in self._raw_records() if number >= self._header)
        return self.width

    def _merged(self, csv_merge: CsvMerge, rows: Iterator[list[str]]) -> Iterator[str]:
        yield self.dialect.preamble
        merge_record = csv_merge.record
        for number, raw, row in self._raw_records():
            if not row or number < self._header:
                yield raw
            elif number == self._header:
                yield csv_merge.header(raw)
            else:
                cells = next(rows, None)
                if cells is None:
                    self.require_unchanged()
                    raise ValueError("fewer rows than records")
                yield merge_record(raw, len(row), cells)
        if csv_merge.count and next(rows, None) is not None:
            raise ValueError("more rows than records")

    def _unambiguous(self, texts: Iterator[str]) -> Iterator[str]:
        """The texts, once it is certain that their delimiter will be found again."""
        head = head_of(texts, self._options)
        found = find_delimiter(StringIO("".join(head), newline=""), self._options)
        if found != self.dialect.delimiter and not self.dialect.preamble:
            raise ManifestError(
                f"{self.path} can be read with {found!r} as well as with {self.dialect.delimiter!r} between its cells; "
                f"put the line sep={self.dialect.delimiter} before its header"
            )
        return chain(head, texts)


def _blocks(texts: Iterable[str]) -> Iterator[str]:
    held: list[str] = []
    size = 0
    for text in texts:
        held.append(text)
        size += len(text)
        if size >= BLOCK:
            yield "".join(held)
            held.clear()
            size = 0
    yield "".join(held)
