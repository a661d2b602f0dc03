"""Tells how a table was read where it might be read otherwise: its code page, the row of its titles."""

from collections.abc import Iterator

from batch.manifest.columns import Columns, listed
from batch.table import Record, Table

_LONGEST = 60


def reading_notes(table: Table, columns: Columns) -> Iterator[str]:
    """What a person may know better. Raises as `Table.records` does."""
    yield from table.notes(columns.read)
    if table.above:
        yield (
            f"the titles are in row {table.header_row}; what stands above is left as it is ({listed(table.above)}). "
            "If they are in another row: --header-row N"
        )
    if table.guessed:
        yield (
            f"read as {table.guessed}, for the file does not say how it is written: {_example(table, columns)}. "
            "If that reads wrong, name the code page: --encoding NAME"
        )


def _example(table: Table, columns: Columns) -> str:
    """A text of the table with a letter outside ASCII: a prompt if there is one."""
    other = None
    at = next(iter(columns.inputs.values()), 0)
    for record in table.records():
        if not record.cells[at].isascii():
            return _shown(record, record.cells[at])
        if other is None:
            other = next((_shown(record, cell) for cell in (*record.cells, *record.extra) if not cell.isascii()), None)
    titles = next((title for title in table.columns if not title.isascii()), "")
    return other or f"a title is {titles!r}"


def _shown(record: Record, text: str) -> str:
    first = next(at for at, sign in enumerate(text) if not sign.isascii())
    start = max(0, first - _LONGEST // 2)
    part = text[start : start + _LONGEST]
    return f"row {record.number} reads {'…' if start else ''}{part!r}{'…' if start + _LONGEST < len(text) else ''}"
