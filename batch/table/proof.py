"""Proves that a written table can be read back: the user's part as it was, our cells as meant."""

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from pathlib import Path

from batch.errors import ManifestError
from batch.table.column import Cell, Column
from batch.table.table import Record, Table


def prove(source: Table, written: Path, columns: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> None:
    """Read what was made of a table with columns of ours.

    Args:
        source: the table as it stood.
        written: the file that was made of it.
        rows: one cell for each of the columns, for each record.

    Raises:
        ManifestError: it cannot be read back as it was meant.
        TableChanged: the source is no longer the one that was opened.
    """
    try:
        fault = _fault(source, source.reopened(written), columns, rows)
    except ManifestError as error:
        raise ManifestError(_refusal(source, str(error).replace(str(written), "it"))) from error
    if fault:
        raise ManifestError(_refusal(source, fault))


def _refusal(source: Table, fault: str) -> str:
    return (
        f"{source.path}: with our columns in it, the table cannot be read back as it was ({fault}). It is left as it "
        "is; save it in another form (CSV UTF-8, Parquet)"
    )


def _fault(source: Table, copy: Table, columns: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> str | None:
    names = source.names_as_read(columns)
    before, after = _users(source, names), _users(copy, names)
    places = {name: at for at, name in enumerate(copy.columns)}
    if not set(names) <= places.keys():
        return "our columns are not found again"
    if _trimmed(source.columns[at] for at in before) != _trimmed(copy.columns[at] for at in after):
        return "its header is another one"
    same = source.same_users_bytes(copy, before, after)
    if same is False:
        return "its own columns are others"
    ours = [places[name] for name in names]
    read = copy.records([*ours, *(after if same is None else ())])
    expected = zip_longest(source.records(before if same is None else ()), read, source.as_read(columns, rows))
    for one, other, cells in expected:
        if not one or not other or cells is None:
            return "it has more or fewer rows"
        if one.number != other.number or _cells(one, before) != _cells(other, after):
            return f"row {one.number} is another one"
        for name, at, cell in zip(names, ours, cells, strict=True):
            if other.cells[at] != cell:
                return f"row {one.number}, column {name}: {other.cells[at][:60]!r} in place of {cell[:60]!r}"
    return None


def _users(table: Table, ours: Sequence[str]) -> list[int]:
    """The positions of the user's columns: all but the last one of each name of ours."""
    last = {name: at for at, name in enumerate(table.columns)}
    return [at for at, name in enumerate(table.columns) if name not in ours or last[name] != at]


def _cells(record: Record, places: Sequence[int]) -> list[str]:
    return _trimmed([*(record.cells[at] for at in places), *record.extra])


def _trimmed(cells: Iterable[str]) -> list[str]:
    """Without what is empty at the end, where ours were put behind the longest record."""
    kept = list(cells)
    while kept and not kept[-1]:
        kept.pop()
    return kept
