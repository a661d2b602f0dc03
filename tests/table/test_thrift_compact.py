"""The compact protocol: everything comes out as it went in, and foreign bytes end in one clear error."""

import io
from contextlib import suppress
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from batch.table.thrift_compact import (
    BINARY,
    BOOL,
    BYTE,
    DOUBLE,
    FALSE,
    I16,
    I32,
    I64,
    LIST,
    MAP,
    SET,
    STRUCT,
    UUID,
    Items,
    Pairs,
    Struct,
    ThriftError,
    decode,
    encode,
)

quick = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def integers(bits: int) -> st.SearchStrategy[int]:
    return st.integers(-(1 << (bits - 1)), (1 << (bits - 1)) - 1)


PLAIN: dict[int, st.SearchStrategy[Any]] = {
    I16: integers(16),
    I32: integers(32),
    I64: integers(64),
    BYTE: st.binary(min_size=1, max_size=1),
    DOUBLE: st.binary(min_size=8, max_size=8),
    UUID: st.binary(min_size=16, max_size=16),
    BINARY: st.binary(max_size=200),
}
BYTES_OF_BOOLEANS = dict.fromkeys((BOOL, FALSE), st.sampled_from([b"\0", b"\1", b"\2"]))


def structs(inner: st.SearchStrategy[Struct]) -> st.SearchStrategy[Struct]:
    """Structs of every type of field, in any order, with ids far apart and below zero too."""
    items = {**PLAIN, **BYTES_OF_BOOLEANS, STRUCT: inner}

    def lists(wire_type: int) -> st.SearchStrategy[Items]:
        return st.lists(items[wire_type], max_size=20).map(lambda values: Items(wire_type, values))

    def maps(types: tuple[int, int]) -> st.SearchStrategy[Pairs]:
        pairs = st.lists(st.tuples(items[types[0]], items[types[1]]), max_size=4)
        return pairs.map(lambda found: Pairs(*(types if found else (0, 0)), found))

    some_lists = st.sampled_from(sorted(items)).flatmap(lists)
    some_maps = st.tuples(st.sampled_from(sorted(items)), st.sampled_from(sorted(items))).flatmap(maps)
    containers = {LIST: some_lists, SET: some_lists, MAP: some_maps, STRUCT: inner, BOOL: st.booleans()}
    kinds = {**PLAIN, **containers}
    field = st.sampled_from(sorted(kinds)).flatmap(lambda one: st.tuples(st.just(one), kinds[one]))
    ids = st.one_of(st.integers(1, 40), integers(16))
    return st.dictionaries(ids, field, max_size=8).map(Struct)


TREES = st.recursive(st.builds(Struct), structs, max_leaves=5)


@quick
@given(TREES, st.binary(max_size=20))
def test_a_struct_comes_out_as_it_went_in(struct: Struct, behind: bytes) -> None:
    """Every type, in order; what stands behind it is not read."""
    data = encode(struct)
    assert decode(data + behind) == (struct, len(data))


@quick
@given(TREES)
def test_what_was_written_comes_out_byte_for_byte(struct: Struct) -> None:
    """Read and written again: fields that nobody knows included."""
    data = encode(struct)
    assert encode(decode(data)[0]) == data


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """A struct's bytes, cut, changed in a place, or with others put in."""
    data = encode(draw(TREES))
    at = draw(st.integers(0, len(data)))
    return data[:at] + draw(st.binary(max_size=12)) + data[at + draw(st.integers(0, 12)) :]


@quick
@given(st.one_of(st.binary(max_size=200), spoilt()))
@example(b"")
@example(b"\x1c" * 100_000)
@example(b"\x19\xf9" + b"\x19" * 100_000)
@example(b"\x19\xfc\xff\xff\xff\xff\xff\x0f\0")
@example(b"\x1b\xff\xff\xff\xff\x0f\x88\0")
@example(b"\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f\0")
@example(b"\x16" + b"\x80" * 100_000 + b"\0\0")
def test_foreign_bytes_are_a_struct_or_one_clear_error(data: bytes) -> None:
    """No other exception, no endless recursion; a size that the bytes cannot hold is refused, not believed."""
    with suppress(ThriftError):
        struct, used = decode(data)
        assert used <= len(data)
        assert decode(encode(struct))[0] == struct


@pytest.mark.parametrize("table", [
    pa.table({f"c{n}": [1, None] for n in range(20)}),
    pa.table({"nested": [{"x": [1.5], "y": {"z": "ü"}}], "at": pa.array([0], pa.timestamp("us", "UTC"))}),
    pa.table({}),
])  # fmt: skip
def test_footers_come_out_byte_for_byte(table: pa.Table) -> None:
    """Those of real files."""
    file = io.BytesIO()
    pq.write_table(table, file, write_page_index=True, row_group_size=1)
    data = file.getvalue()
    footer = data[-8 - int.from_bytes(data[-8:-4], "little") : -8]
    struct, used = decode(footer)
    assert (encode(struct), used) == (footer, len(footer))


def test_fields_are_asked_for_by_type() -> None:
    """What is not there is None, what is of another type or missing where it must be is an error."""
    struct = Struct({1: (I32, 5), 2: (LIST, Items(I32, [1])), 3: (LIST, Items(BYTE, []))})
    assert (struct.get(1, I32), struct.get(9, I32), struct.need(1, I32)) == (5, None, 5)
    assert (struct.listed(2, I32), struct.listed(3, STRUCT), struct.listed(9, I32)) == ([1], [], None)
    for asked in (
        lambda: struct.get(1, I64),
        lambda: struct.need(9, I32),
        lambda: struct.listed(2, STRUCT),
        lambda: struct.listed(1, STRUCT),
    ):
        with pytest.raises(ThriftError, match="field"):
            asked()


@quick
@given(st.lists(st.integers(1, 30), unique=True), st.integers(1, 30))
def test_a_new_field_comes_in_its_place(ids: list[int], new: int) -> None:
    """In front of those of higher ids; one that is there stays where it is; a copy is left alone."""
    before = Struct({one: (I32, one) for one in sorted(ids)})
    after = before.copy()
    after.put(new, I64, -1)
    assert list(after.fields) == sorted({*ids, new})
    assert after.get(new, I64) == -1
    assert before == Struct({one: (I32, one) for one in sorted(ids)})
    assert after != before


@pytest.mark.parametrize("struct", [
    Struct({1: (I32, 1 << 31)}),
    Struct({1: (DOUBLE, b"\0")}),
    Struct({1 << 15: (I32, 1)}),
    Struct({1: (LIST, Items(BOOL, [b""]))}),
])  # fmt: skip
def test_values_that_have_no_room_are_not_written(struct: Struct) -> None:
    """Rather than wrapped round or cut."""
    with pytest.raises(ThriftError):
        encode(struct)
