"""Reads and writes a Parquet manifest: all that the user stored is kept, our columns have types."""

import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from batch.errors import ManifestError
from batch.files.atomic import replacing
from batch.table.column import Cell, Column, ColumnType, column_positions
from batch.table.table import Record, Table

READ_AT_ONCE = 1024  # rows; each may hold an image as a data URI
CONVERTED_AT_ONCE = 16384  # rows of ours
ARROW_TYPES: dict[ColumnType, Any] = {
    ColumnType.TEXT: pa.string(),
    ColumnType.INTEGER: pa.int32(),
    ColumnType.MONEY: pa.float64(),  # what people sum up in pandas; a decimal comes out as objects there
    ColumnType.TIME: pa.timestamp("us", tz="UTC"),
}


class ParquetTable(Table):
    """A Parquet file."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with self._opened() as file:
            self._schema: pa.Schema = file.schema_arrow
            self._metadata: pq.FileMetaData = file.metadata
        self.columns = tuple(self._schema.names)
        self.width = len(self.columns)
        if not self.columns:
            raise ManifestError(f"{path} has no columns")

    def records(self) -> Iterator[Record]:
        """See Table."""
        number = 1
        for cells in self._rows():
            number += 1
            yield Record(number, cells)
        self.count = number - 1

    def write(self, target: Path, columns: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> str:
        """See Table."""
        positions = column_positions([column.name for column in columns], self.columns, len(self.columns))
        with replacing(target, self.require_unchanged, self.path) as sink:
            if columns:
                self._write(sink, columns, positions, iter(rows))
            else:
                with self.path.open("rb") as source:
                    shutil.copyfileobj(source, sink)
        return sink.digest()

    def _write(
        self, sink: BinaryIO, columns: Sequence[Column], positions: list[int], rows: Iterator[Sequence[Cell]]
    ) -> None:
        schema = _with_ours(self._schema, columns, positions)
        with pq.ParquetWriter(sink, schema, **self._settings(columns)) as writer:
            for group in self._merged(schema, columns, positions, rows):
                writer.write_table(group, row_group_size=max(1, group.num_rows))

    @contextmanager
    def _opened(self) -> Iterator[pq.ParquetFile]:
        """The file that was opened, or TableChanged."""
        self.require_unchanged()
        try:
            with pq.ParquetFile(self.path) as file:
                yield file
        except (OSError, pa.ArrowException, UnicodeDecodeError) as fault:
            self.require_unchanged()
            raise ManifestError(f"{self.path} is damaged ({_first_line(fault)}); write it again") from fault
        self.require_unchanged()

    def _rows(self) -> Iterator[tuple[str, ...]]:
        with self._opened() as file:
            for batch in file.iter_batches(READ_AT_ONCE):
                yield from zip(*map(_texts, batch.columns), strict=True)

    def _groups(self, users: list[str] | None) -> Iterator[pa.Table]:
        """The row groups, of the columns that stay as they are, by name; None: of all."""
        with self._opened() as file:
            for index in range(self._metadata.num_row_groups):
                yield file.read_row_group(index, columns=users)
                pa.default_memory_pool().release_unused()

    def _users(self, positions: Sequence[int]) -> list[str] | None:
        """The columns that are not ours to fill; None where names alone do not tell columns apart."""
        if len(set(self.columns)) < len(self.columns) or any("." in name for name in self.columns):
            return None
        return [name for position, name in enumerate(self.columns) if position not in positions] or None

    def _merged(
        self, schema: pa.Schema, columns: Sequence[Column], positions: list[int], rows: Iterator[Sequence[Cell]]
    ) -> Iterator[pa.Table]:
        users = self._users(positions)
        for group in self._groups(users):
            kept = dict(enumerate(group.columns)) if users is None else self._placed(users, group)
            arrays: list[Any] = [kept.get(position) for position in range(len(schema))]
            ours = _converted(columns, islice(rows, group.num_rows))
            for position, array in zip(positions, ours, strict=True):
                if len(array) != group.num_rows:
                    raise ValueError("fewer rows than records")
                arrays[position] = array
            yield pa.Table.from_arrays(arrays, schema=schema)
        if next(rows, None) is not None:
            raise ValueError("more rows than records")

    def _placed(self, users: Sequence[str], group: pa.Table) -> dict[int, Any]:
        return {self.columns.index(name): group.column(name) for name in users}

    def _settings(self, columns: Sequence[Column]) -> dict[str, Any]:
        """The writer's settings under which the user's columns come out as they went in."""
        settings: dict[str, Any] = {
            "version": "2.6",
            "store_schema": b"ARROW:schema" in (self._metadata.metadata or {}),
        }
        if self._metadata.num_row_groups:
            first = self._metadata.row_group(0)
            leaves = [first.column(index) for index in range(first.num_columns)]
            codecs = {leaf.path_in_schema: _codec(leaf.compression) for leaf in leaves}
            ours = {column.name: _codec(leaves[0].compression) for column in columns}
            settings["compression"] = ours | codecs
            # Spark's own kind of timestamp: written as any other, older Sparks could not read the column again.
            settings["use_deprecated_int96_timestamps"] = any(leaf.physical_type == "INT96" for leaf in leaves)
        return settings


def _codec(name: str) -> str:
    return "none" if name == "UNCOMPRESSED" else name.lower()


def _first_line(fault: Exception) -> str:
    return (str(fault).splitlines() or [type(fault).__name__])[0].rstrip(".")


def _texts(array: Any) -> list[str]:
    """The array's values as a CSV file would show them."""
    arrow_type = array.type
    if isinstance(array, pa.DictionaryArray):
        return _texts(array.dictionary_decode())
    if isinstance(array, pa.ExtensionArray):
        return _texts(array.storage)
    if pa.types.is_float64(arrow_type):
        return ["" if value is None else repr(value) for value in array.to_pylist()]
    if pa.types.is_floating(arrow_type):  # through Python's doubles 0.1 would be 0.10000000149011612
        return [text + ".0" if text.lstrip("-").isdigit() else text for text in _cast(array)]
    if (
        pa.types.is_binary(arrow_type)
        or pa.types.is_large_binary(arrow_type)
        or pa.types.is_fixed_size_binary(arrow_type)
    ):
        return [(value or b"").decode("utf-8", "backslashreplace") for value in array.to_pylist()]
    if pa.types.is_nested(arrow_type):
        values = array.to_pylist()
        return ["" if value is None else json.dumps(value, ensure_ascii=False, default=str) for value in values]
    return _cast(array)


def _cast(array: Any) -> list[str]:
    return [text or "" for text in pc.cast(array, pa.string()).to_pylist()]


def _converted(columns: Sequence[Column], rows: Iterator[Sequence[Cell]]) -> list[Any]:
    """The rows as one typed array per column."""
    chunks: list[list[Any]] = [[] for _ in columns]
    while some := list(islice(rows, CONVERTED_AT_ONCE)):
        for column, values, held in zip(columns, zip(*some, strict=True), chunks, strict=True):
            held.append(_array(column.type, values))
    return [pa.chunked_array(held, ARROW_TYPES[column.type]) for column, held in zip(columns, chunks, strict=True)]


def _array(column_type: ColumnType, values: Sequence[Any]) -> Any:
    match column_type:
        case ColumnType.TEXT:
            values = [value and value.encode("utf-8", "backslashreplace").decode() for value in values]
        case ColumnType.MONEY:
            values = [None if value is None else float(value) for value in values]
        case ColumnType.TIME if any(value is not None and value.tzinfo is None for value in values):
            raise ValueError("a time without its zone")
    return pa.array(values, ARROW_TYPES[column_type])


def _with_ours(schema: pa.Schema, columns: Sequence[Column], positions: list[int]) -> pa.Schema:
    fields = list(schema)
    retyped: set[str] = set()
    for column, position in zip(columns, positions, strict=True):
        ours = pa.field(column.name, ARROW_TYPES[column.type])
        if position == len(fields):
            fields.append(ours)
        elif not fields[position].type.equals(ours.type):
            retyped.add(column.name)
            fields[position] = ours
        elif not fields[position].nullable:
            fields[position] = ours
    return pa.schema(fields, metadata=_without(schema.metadata, retyped))


def _without(metadata: Any, retyped: set[str]) -> Any:
    """The schema's metadata, without what pandas noted of columns of another type now: it would not load them."""
    if not retyped or b"pandas" not in (metadata or {}):
        return metadata
    notes = json.loads(metadata[b"pandas"])
    notes["columns"] = [note for note in notes.get("columns", []) if note.get("field_name") not in retyped]
    return {**metadata, b"pandas": json.dumps(notes).encode()}
