"""Reads and writes any struct of Thrift's compact protocol, whatever its fields mean. Pure.

Source: thrift/doc/specs/thrift-compact-protocol.md. No schema is needed, so fields from the future survive. What was
written canonically (shortest integers, short headers where they suffice) comes out byte for byte.
"""

from typing import Any, NamedTuple

BOOL, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT, UUID = range(1, 14)
"""The types on the wire. A boolean field is BOOL here, whatever its value; FALSE is met on the wire only."""

DEEPEST = 64
"""Structs and containers inside each other; Parquet's footer has about seven."""
_LONG = 15
"""A field id that is more than this behind the one before, and a list of this many items, have a long header."""
_BITS = {I16: 16, I32: 32, I64: 64}
_WIDTHS = {BYTE: 1, DOUBLE: 8, UUID: 16}


class ThriftError(ValueError):
    """The bytes are no struct of the compact protocol, or a field is not what was asked for."""


class Items(NamedTuple):
    """The value of a LIST or SET: the type of the items, and the items."""

    type: int
    values: list[Any]


class Pairs(NamedTuple):
    """The value of a MAP; the types of an empty one are not on the wire, and 0."""

    key: int
    value: int
    pairs: list[tuple[Any, Any]]


class Struct:
    """Fields in the order in which they were written: id → type and value.

    Values: bool for a BOOL, int for I16, I32 and I64, Items, Pairs, Struct; all others, also booleans that are items,
    are the bytes that they are on the wire.
    """

    __slots__ = ("fields",)

    def __init__(self, fields: dict[int, tuple[int, Any]] | None = None) -> None:
        self.fields = fields or {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Struct) and list(self.fields.items()) == list(other.fields.items())

    __hash__ = None  # type: ignore[assignment]  # it can be changed

    def __repr__(self) -> str:
        return f"Struct({self.fields!r})"

    def copy(self) -> "Struct":
        """A struct of its own with the same values."""
        return Struct(dict(self.fields))

    def get(self, field: int, wire_type: int) -> Any:
        """The field's value, None where it is not there.

        Raises:
            ThriftError: it is of another type.
        """
        found = self.fields.get(field)
        if found is None:
            return None
        if found[0] != wire_type:
            raise ThriftError(f"field {field} is of type {found[0]}, not {wire_type}")
        return found[1]

    def need(self, field: int, wire_type: int) -> Any:
        """The field's value.

        Raises:
            ThriftError: it is not there, or of another type.
        """
        value = self.get(field, wire_type)
        if value is None:
            raise ThriftError(f"field {field} is missing")
        return value

    def listed(self, field: int, item_type: int) -> list[Any] | None:
        """The values of a list, None where it is not there.

        Raises:
            ThriftError: it is no list of such items.
        """
        items: Items | None = self.get(field, LIST)
        if items is None:
            return None
        if items.type != item_type and items.values:
            raise ThriftError(f"field {field} holds items of type {items.type}, not {item_type}")
        return items.values

    def put(self, field: int, wire_type: int, value: Any) -> None:
        """Set a field; one that is new comes before the first of a higher id."""
        if field not in self.fields and any(one > field for one in self.fields):
            later = {one: self.fields.pop(one) for one in list(self.fields) if one > field}
            self.fields |= {field: (wire_type, value), **later}
        else:
            self.fields[field] = (wire_type, value)

    def put_list(self, field: int, item_type: int, values: list[Any]) -> None:
        """Set a field that is a list."""
        self.put(field, LIST, Items(item_type, values))


def decode(data: bytes) -> tuple[Struct, int]:
    """The struct at the start of the bytes, and how many bytes it takes.

    Raises:
        ThriftError: there is none.
    """
    reader = _Reader(data)
    try:
        return reader.struct(0), reader.at
    except IndexError as fault:
        raise ThriftError(f"it ends too early, after {len(data)} bytes") from fault


def encode(struct: Struct) -> bytes:
    """The struct's bytes.

    Raises:
        ThriftError: a value does not fit its type.
    """
    out = bytearray()
    _write_struct(out, struct)
    return bytes(out)


class _Reader:
    """Reads on from a position; IndexError is the end of the bytes."""

    __slots__ = ("at", "data")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def struct(self, depth: int) -> Struct:
        if depth > DEEPEST:
            raise ThriftError(f"more than {DEEPEST} structs inside each other")
        data, fields, field = self.data, {}, 0
        while header := data[self.at]:
            self.at += 1
            wire_type = header & 15
            delta = header >> 4
            field = field + delta if delta else self.integer(I16)
            if field in fields or field > 0x7FFF:
                raise ThriftError(f"field {field} is there twice or cannot be")
            if wire_type in (BOOL, FALSE):
                fields[field] = (BOOL, wire_type == BOOL)
            else:
                fields[field] = (wire_type, self.value(wire_type, depth))
        self.at += 1
        return Struct(fields)

    def value(self, wire_type: int, depth: int) -> Any:
        if wire_type in _BITS:
            return self.integer(wire_type)
        if wire_type == BINARY:
            return self.taken(self.varint())
        if wire_type == STRUCT:
            return self.struct(depth + 1)
        if wire_type in (LIST, SET):
            return self.items(depth + 1)
        if wire_type in _WIDTHS:
            return self.taken(_WIDTHS[wire_type])
        if wire_type == MAP:
            return self.pairs(depth + 1)
        raise ThriftError(f"unknown type {wire_type} at byte {self.at}")

    def item(self, wire_type: int, depth: int) -> Any:
        # A boolean that is an item is a byte of its own.
        return self.value(BYTE if wire_type in (BOOL, FALSE) else wire_type, depth)

    def varint(self) -> int:
        data, at = self.data, self.at
        byte = data[at]
        at += 1
        value, shift = byte & 0x7F, 7
        while byte > 0x7F:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if shift > 70:
                raise ThriftError(f"a number of more than ten bytes before byte {at}")
        self.at = at
        return value

    def integer(self, wire_type: int) -> int:
        value = self.varint()
        if value >> _BITS[wire_type]:
            raise ThriftError(f"a number of more than {_BITS[wire_type]} bits before byte {self.at}")
        return value >> 1 if not value & 1 else ~(value >> 1)

    def taken(self, length: int) -> bytes:
        end = self.at + length
        if end > len(self.data):
            raise ThriftError(f"{length} bytes at byte {self.at}, of {len(self.data)} in all")
        value = self.data[self.at : end]
        self.at = end
        return value

    def size(self, size: int, least: int) -> int:
        # No item is shorter than a byte: a size that the bytes cannot hold is refused before a list is made of it.
        if size * least > len(self.data) - self.at:
            raise ThriftError(f"{size} items at byte {self.at}, of {len(self.data)} in all")
        return size

    def items(self, depth: int) -> Items:
        if depth > DEEPEST:
            raise ThriftError(f"more than {DEEPEST} structs inside each other")
        header = self.data[self.at]
        self.at += 1
        wire_type, short = header & 15, header >> 4
        size = self.size(self.varint() if short == _LONG else short, 1)
        return Items(wire_type, [self.item(wire_type, depth) for _ in range(size)])

    def pairs(self, depth: int) -> Pairs:
        if depth > DEEPEST:
            raise ThriftError(f"more than {DEEPEST} structs inside each other")
        size = self.varint()
        if not size:
            return Pairs(0, 0, [])
        types = self.data[self.at]
        self.at += 1
        key, value = types >> 4, types & 15
        size = self.size(size, 2)
        return Pairs(key, value, [(self.item(key, depth), self.item(value, depth)) for _ in range(size)])


def _write_struct(out: bytearray, struct: Struct) -> None:
    before = 0
    for field, (wire_type, value) in struct.fields.items():
        mark = FALSE if wire_type == BOOL and not value else wire_type
        if 0 < field - before <= _LONG:
            out.append((field - before) << 4 | mark)
        else:
            out.append(mark)
            _write_integer(out, I16, field)
        before = field
        if wire_type != BOOL:
            _write(out, wire_type, value)
    out.append(0)


def _write(out: bytearray, wire_type: int, value: Any) -> None:
    if wire_type in _BITS:
        _write_integer(out, wire_type, value)
    elif wire_type == BINARY:
        _write_varint(out, len(value))
        out += value
    elif wire_type == STRUCT:
        _write_struct(out, value)
    elif wire_type in (LIST, SET):
        _write_items(out, value)
    elif wire_type == MAP:
        _write_pairs(out, value)
    elif len(value) == _WIDTHS[wire_type]:
        out += value
    else:
        raise ThriftError(f"{len(value)} bytes for a value of type {wire_type}")


def _write_items(out: bytearray, items: Items) -> None:
    size = len(items.values)
    if size < _LONG:
        out.append(size << 4 | items.type)
    else:
        out.append(_LONG << 4 | items.type)
        _write_varint(out, size)
    wire_type = BYTE if items.type in (BOOL, FALSE) else items.type
    for value in items.values:
        _write(out, wire_type, value)


def _write_pairs(out: bytearray, pairs: Pairs) -> None:
    _write_varint(out, len(pairs.pairs))
    if pairs.pairs:
        out.append(pairs.key << 4 | pairs.value)
    types = [BYTE if one in (BOOL, FALSE) else one for one in (pairs.key, pairs.value)]
    for pair in pairs.pairs:
        for wire_type, value in zip(types, pair, strict=True):
            _write(out, wire_type, value)


def _write_integer(out: bytearray, wire_type: int, value: int) -> None:
    bits = _BITS[wire_type]
    if not -(1 << (bits - 1)) <= value < 1 << (bits - 1):
        raise ThriftError(f"{value} has no room in {bits} bits")
    _write_varint(out, value << 1 if value >= 0 else ~(value << 1))


def _write_varint(out: bytearray, value: int) -> None:
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
