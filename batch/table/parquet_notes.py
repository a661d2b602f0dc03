"""Extends what Arrow and pandas noted of a Parquet file's columns: both find ours beside the user's.

Left as they are, these notes break readers: with `ARROW:schema` of too few fields arrow-rs refuses the file and pyarrow
forgets the user's types; a time without a note of pandas' is a KeyError in fastparquet.
"""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from batch.table.column import Column, ColumnType
from batch.table.parquet_cells import ARROW_TYPES
from batch.table.parquet_footer import KEY, VALUE, Footer, FooterError, key_value, without_seal
from batch.table.parquet_merge import Slot
from batch.table.thrift_compact import BINARY, Struct

_ARROW = b"ARROW:schema"
_PANDAS = b"pandas"
_PANDAS_TYPES = {
    ColumnType.TEXT: ("unicode", "object", None),
    ColumnType.INTEGER: ("int64", "Int64", None),  # with "int64" there is no room for an empty cell
    ColumnType.MONEY: ("float64", "float64", None),
    ColumnType.TIME: ("datetimetz", "datetime64[us]", {"timezone": "UTC"}),
}


def extended(users: Footer, slots: Sequence[Slot], columns: Sequence[Column]) -> list[Struct]:
    """The user's key-values, with our columns in the notes of Arrow and pandas; nothing is noted where nothing was.

    Raises:
        FooterError: Arrow's note cannot be read, or is not of this file.
    """
    return [_extended(one, users, slots, columns) for one in without_seal(users.tree)]


def of_selected(footer: Footer, positions: Sequence[int]) -> list[Struct]:
    """The key-values for pyarrow to read these columns by: Arrow's note of them, where it has one that can be read."""
    for one in without_seal(footer.tree):
        if one.get(KEY, BINARY) == _ARROW and (schema := _schema(one)) and len(schema) == len(footer.columns):
            return [_noted(pa.schema([schema.field(at) for at in positions]))]
    return []


def _extended(one: Struct, users: Footer, slots: Sequence[Slot], columns: Sequence[Column]) -> Struct:
    key, value = one.get(KEY, BINARY), one.get(VALUE, BINARY)
    if key == _PANDAS and value is not None:
        return key_value(key, _with_pandas(value, columns))
    if key != _ARROW:
        return one
    schema = _schema(one)
    if schema is None:
        raise FooterError("has a schema of Arrow's that cannot be read here; write it without (store_schema=False)")
    if len(schema) != len(users.columns):
        raise FooterError(
            f"has a schema of Arrow's with {len(schema)} columns for {len(users.columns)}; write it again"
        )
    fields = [_field(columns[slot]) if isinstance(slot, int) else schema.field(slot.index) for slot in slots]
    own = {name: _with_pandas(note, columns) if name == _PANDAS else note for name, note in _metadata(schema)}
    schema = pa.schema(fields)
    return _noted(schema.with_metadata(own) if own else schema)


def _schema(one: Struct) -> Any:
    try:
        return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(one.get(VALUE, BINARY) or b"")))
    except (ValueError, OSError, pa.ArrowException):
        return None


def _metadata(schema: Any) -> Iterable[tuple[Any, Any]]:
    return (schema.metadata or {}).items()


def _noted(schema: Any) -> Struct:
    return key_value(_ARROW, base64.b64encode(schema.serialize().to_pybytes()))


def _field(column: Column) -> Any:
    return pa.field(column.name, ARROW_TYPES[column.type])


def _with_pandas(value: bytes, columns: Sequence[Column]) -> bytes:
    try:
        notes = json.loads(value)
        there = {note.get("field_name", note.get("name")): at for at, note in enumerate(notes["columns"])}
    except (ValueError, LookupError, TypeError, AttributeError):
        return value  # pandas cannot read it either
    for column in columns:
        note = _pandas_note(column)
        if column.name in there:
            notes["columns"][there[column.name]] = note
        else:
            notes["columns"].append(note)
    return json.dumps(notes).encode()


def _pandas_note(column: Column) -> Mapping[str, Any]:
    pandas_type, numpy_type, metadata = _PANDAS_TYPES[column.type]
    return {
        "name": column.name,
        "field_name": column.name,
        "pandas_type": pandas_type,
        "numpy_type": numpy_type,
        "metadata": metadata,
    }
