"""Merges our cells into the raw records of a CSV file without touching the user's."""

from collections.abc import Sequence

from batch.table.column import column_positions
from batch.table.csv_reader import raw_cells
from batch.table.csv_rendering import quoted, unquoted


class CsvMerge:
    """Our columns in the records of one file: those of the header's names in place, new ones from `width` on."""

    def __init__(
        self, delimiter: str, header: Sequence[str], names: Sequence[str], width: int, *, quotes: bool = True
    ) -> None:
        self.count = len(names)
        self._delimiter = delimiter
        self._quotes = quotes
        self._names = names
        self._width = width
        self._header_width = len(header)
        self._positions = column_positions(names, header, width)
        new = list(range(width, width + self.count))
        last = list(range(len(header) - self.count, len(header)))
        self._all_new = self._positions == new
        self._all_last = self._positions == last and self.count < len(header)

    def header(self, raw: str) -> str:
        """The header with the names of the new columns."""
        pairs = zip(self._names, self._positions, strict=True)
        new = [
            quoted(name, self._delimiter) if self._quotes else unquoted(name)
            for name, position in pairs
            if position >= self._width
        ]
        return self._appended(raw, self._header_width, new) if new else raw

    def record(self, raw: str, width: int, cells: list[str]) -> str:
        """The record, `width` cells wide, with these cells of ours."""
        if self._all_new:
            return self._appended(raw, width, cells) if cells else raw
        if self._all_last and width == self._header_width:
            body = raw.rstrip("\r\n")
            users = body.rsplit(self._delimiter, self.count)[0]
            # No quote to the right of it: each of these delimiters is a real one, none stands inside a quoted cell.
            if not self._quotes or body.find('"', len(users)) < 0:
                return self._delimiter.join((users, *cells)) + raw[len(body) :]
        return self._rebuilt(raw, cells)

    def _appended(self, raw: str, width: int, cells: list[str]) -> str:
        if width > self._width:
            raise ValueError(f"a record of {width} cells in a table of {self._width}")
        body = raw.rstrip("\r\n")  # a line end inside a cell has its closing quote after it
        gap = self._delimiter * (self._width - width + 1)
        return body + gap + self._delimiter.join(cells) + raw[len(body) :]

    def _rebuilt(self, raw: str, cells: list[str]) -> str:
        body = raw.rstrip("\r\n")
        parts = raw_cells(body, self._delimiter, quotes=self._quotes)
        parts += [""] * (max(self._positions) + 1 - len(parts))
        for position, cell in zip(self._positions, cells, strict=True):
            parts[position] = cell
        # A lone empty cell without quotes would be a blank line, not a record.
        return (self._delimiter.join(parts) or '""') + raw[len(body) :]
