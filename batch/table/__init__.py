"""File formats: CSV, Parquet and Excel workbooks, read and written back byte for byte.

What a table is stands in `table` and `column`, how a file is replaced in `batch.files.atomic`.
"""

import stat
from pathlib import Path

from batch.errors import ManifestError
from batch.files.atomic import TargetLocked
from batch.table.column import Cell, Column, ColumnType
from batch.table.csv_table import CsvTable
from batch.table.reading_options import ReadingOptions
from batch.table.table import Record, Table, TableChanged

__all__ = [
    "Cell",
    "Column",
    "ColumnType",
    "ReadingOptions",
    "Record",
    "Table",
    "TableChanged",
    "TargetLocked",
    "open_table",
]

_PARQUET = b"PAR1"
_ZIP = b"PK\x03\x04"
_FOREIGN = {
    b"PK\x05\x06": "an empty zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook (.xls), or one with a password: save it as .xlsx, without",
    b"PARE": "an encrypted Parquet file; save it without encryption",
    b"\x1f\x8b": "compressed with gzip; unpack it first",
    b"%PDF": 'a PDF; save the table as "CSV UTF-8"',
}


def open_table(path: Path, options: ReadingOptions | None = None) -> Table:
    """Open a manifest; `options` say how it is to be read where it is text.

    Raises:
        ManifestError: it cannot be read as one.
        UsageError: the options are not for it.
    """
    try:
        start = _first_bytes(path)
        for magic, what in _FOREIGN.items():
            if start.startswith(magic):
                raise ManifestError(f"{path} is no CSV, Excel or Parquet file but {what}")
        options = options or ReadingOptions()
        if start == _ZIP:
            options.require_only("--sheet", "--header-row", form=f"{path} is an Excel workbook")
            return _workbook(path, options)
        if start != _PARQUET:
            options.require_only("--encoding", "--header-row", form=f"{path} is a CSV file")
            return CsvTable(path, options)
        options.require_only(form=f"{path} is a Parquet file")
        return _parquet(path)
    except OSError as fault:
        raise ManifestError(
            f"{path} cannot be read ({fault.strerror or fault}); check its name and permissions"
        ) from fault
    except TableChanged as fault:
        raise ManifestError(f"{path} is being written by another program; try again when that is done") from fault


def _first_bytes(path: Path) -> bytes:
    try:
        status = path.stat()
    except ValueError as fault:
        raise ManifestError(f"{str(path)!r} cannot be the name of a file ({fault}); check it") from fault
    if stat.S_ISDIR(status.st_mode):
        raise ManifestError(f"{path} is a folder; name the table in it")
    if not stat.S_ISREG(status.st_mode):
        raise ManifestError(f"{path} is a pipe or device, which cannot be written back; save it as a file first")
    if not status.st_size:
        raise ManifestError(f"{path} is empty; put the names of the columns in its first row")
    with path.open("rb") as file:
        return file.read(4)


def _parquet(path: Path) -> Table:
    from batch.table.parquet import ParquetTable  # pyarrow takes longer to load than a CSV to read

    return ParquetTable(path)


def _workbook(path: Path, options: ReadingOptions) -> Table:
    from batch.table.xlsx import XlsxTable  # only who has a workbook waits for what it needs

    return XlsxTable(path, options)
