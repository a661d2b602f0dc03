"""Turns Arrow arrays into the texts of cells, and cells of ours into Arrow arrays."""

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from batch.table.column import Cell, Column, ColumnType

CONVERTED_AT_ONCE = 16384  # rows of ours
ARROW_TYPES: dict[ColumnType, Any] = {
    ColumnType.TEXT: pa.string(),
    ColumnType.INTEGER: pa.int32(),
    ColumnType.MONEY: pa.float64(),  # what people sum up in pandas; a decimal comes out as objects there
    ColumnType.TIME: pa.timestamp("us", tz="UTC"),
}


def texts(array: Any) -> list[str]:
    """The array's values as a CSV file would show them.

    Raises:
        ArrowException, ValueError, OverflowError: a value has no text, such as a nested date that Python cannot hold.
    """
    arrow_type = array.type
    if isinstance(array, pa.DictionaryArray):
        return texts(array.dictionary_decode())
    if isinstance(array, pa.ExtensionArray):
        return texts(array.storage)
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


def arrays(columns: Sequence[Column], rows: Iterator[Sequence[Cell]], count: int) -> list[Any]:
    """So many of the rows, or as many as there are, as one typed array per column."""
    chunks: list[list[Any]] = [[] for _ in columns]
    while count and (some := list(islice(rows, min(count, CONVERTED_AT_ONCE)))):
        count -= len(some)
        for column, values, held in zip(columns, zip(*some, strict=True), chunks, strict=True):
            held.append(_array(column.type, values))
    return [pa.chunked_array(held, ARROW_TYPES[column.type]) for column, held in zip(columns, chunks, strict=True)]


def _cast(array: Any) -> list[str]:
    return [text or "" for text in pc.cast(array, pa.string()).to_pylist()]


def _array(column_type: ColumnType, values: Sequence[Any]) -> Any:
    match column_type:
        case ColumnType.TEXT:
            try:
                return pa.array(values, pa.string())
            except UnicodeEncodeError:  # half of a surrogate pair
                values = [value and value.encode("utf-8", "backslashreplace").decode() for value in values]
        case ColumnType.MONEY:
            values = [None if value is None else float(value) for value in values]
        case ColumnType.TIME if any(value is not None and value.tzinfo is None for value in values):
            raise ValueError("a time without its zone")
    return pa.array(values, ARROW_TYPES[column_type])
