"""Merges our columns into the footer of a Parquet file: the user's part of it stays as it is. Pure.

Source: parquet-format, parquet.thrift. Offsets of the user's are never touched, for what they count from stays.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from batch.table.parquet_footer import (
    CHILDREN,
    COLUMN_ORDERS,
    COLUMNS,
    KEY_VALUES,
    META_DATA,
    ROW_GROUPS,
    SCHEMA,
    SORTING,
    TOTAL_BYTE_SIZE,
    TOTAL_COMPRESSED_SIZE,
    Footer,
    SchemaColumn,
)
from batch.table.thrift_compact import I32, I64, STRUCT, Struct

FILE_OFFSET = 2
UNCOMPRESSED, COMPRESSED, DATA_PAGE, INDEX_PAGE, DICTIONARY_PAGE, BLOOM_FILTER = 6, 7, 9, 10, 11, 14
_PAGE_INDEX = (4, 5, 6, 7)
_SORTED_LEAF = 1
_TYPE_ORDER = Struct({1: (STRUCT, Struct())})

Slot = SchemaColumn | int
"""What stands in a place of the merged table: a column of the user's, or which one of ours."""


@dataclass(frozen=True, slots=True)
class OurColumn:
    """A column of ours: its element in the schema, and its chunk in each row group, where it stands in the file."""

    element: Struct
    chunks: Sequence[Struct]


def lay_out(columns: Sequence[SchemaColumn], names: Sequence[str]) -> list[Slot]:
    """Where each column comes: ours where the last column of its name stands, or behind all others.

    Never where the first leaf stands, and never in the place of a nested column. parquet-java takes the first chunk for
    the place of a row group: were it ours, at the file's end, Spark would read no rows, and without an error.
    """
    last = {column.name: column.index for column in columns}
    slots: list[Slot | None] = list(columns)
    behind: list[int] = []
    for which, name in enumerate(names):
        at = last.get(name)
        if at is not None and columns[at].flat:
            slots[at] = which
        else:
            behind.append(which)
            if at is not None:
                slots[at] = None
    kept = [slot for slot in slots if slot is not None]
    first = next((at for at, slot in enumerate(kept) if not isinstance(slot, int) and _leaves(slot)), 0)
    early = [slot for slot in kept[:first] if isinstance(slot, int)]
    return [*(slot for slot in kept[:first] if not isinstance(slot, int)), *kept[first:], *sorted(early + behind)]


def merge(users: Footer, slots: Sequence[Slot], ours: Sequence[OurColumn], key_values: list[Struct]) -> Struct:
    """The footer with our columns in it, everything else as it was.

    Args:
        slots: as `lay_out` gave them.
        ours: by the numbers in the slots.
        key_values: the metadata that takes the place of the user's; none: the field stays as it is.
    """
    tree = users.tree.copy()
    root = users.schema[0].copy()
    root.put(CHILDREN, I32, len(slots))
    tree.put_list(SCHEMA, STRUCT, [root, *_elements(users.schema, slots, ours)])
    order = list(_leaf_order(slots))
    groups = [_merged_group(group, order, [one.chunks[at] for one in ours]) for at, group in enumerate(users.groups)]
    tree.put_list(ROW_GROUPS, STRUCT, groups)
    orders = tree.listed(COLUMN_ORDERS, STRUCT)
    if orders is not None and len(orders) == sum(map(_leaves, users.columns)):
        tree.put_list(COLUMN_ORDERS, STRUCT, [_TYPE_ORDER if leaf is None else orders[leaf] for leaf, _ in order])
    if key_values:
        tree.put_list(KEY_VALUES, STRUCT, key_values)
    return tree


def selected(footer: Footer, positions: Sequence[int]) -> Struct:
    """The footer of the table that has only these of the file's columns."""
    slots = [footer.columns[at] for at in positions]
    tree = merge(footer, slots, (), [])
    tree.fields.pop(COLUMN_ORDERS, None)
    return tree


def moved(chunk: Struct, by: int) -> Struct:
    """A chunk whose bytes stand so much further behind."""
    chunk = chunk.copy()
    chunk.put(FILE_OFFSET, I64, 0)
    for field in _PAGE_INDEX:  # it holds offsets of its own; without it readers look at the pages themselves
        chunk.fields.pop(field, None)
    meta = chunk.need(META_DATA, STRUCT).copy()
    for field in (DATA_PAGE, INDEX_PAGE, DICTIONARY_PAGE, BLOOM_FILTER):
        if (offset := meta.get(field, I64)) is not None:
            meta.put(field, I64, offset + by)
    chunk.put(META_DATA, STRUCT, meta)
    return chunk


def extent(chunk: Struct) -> tuple[int, int]:
    """Where the pages of a chunk begin, and how many bytes they are."""
    meta = chunk.need(META_DATA, STRUCT)
    starts = [meta.get(field, I64) for field in (DATA_PAGE, DICTIONARY_PAGE)]
    length: int = meta.need(COMPRESSED, I64)
    return min(start for start in starts if start), length


def _leaves(column: SchemaColumn) -> int:
    return int(column.leaves.stop) - int(column.leaves.start)


def _elements(schema: list[Struct], slots: Sequence[Slot], ours: Sequence[OurColumn]) -> Iterator[Struct]:
    for slot in slots:
        if isinstance(slot, int):
            yield ours[slot].element
        else:
            yield from schema[slot.elements]


def _leaf_order(slots: Sequence[Slot]) -> Iterator[tuple[int | None, int]]:
    """Of each leaf of the merged table: which one of the user's it is, or None and which column of ours."""
    for slot in slots:
        if isinstance(slot, int):
            yield None, slot
        else:
            yield from ((leaf, 0) for leaf in range(slot.leaves.start, slot.leaves.stop))


def _merged_group(group: Struct, order: Sequence[tuple[int | None, int]], ours: Sequence[Struct]) -> Struct:
    before = group.listed(COLUMNS, STRUCT) or []
    after = [ours[which] if leaf is None else before[leaf] for leaf, which in order]
    merged = group.copy()
    merged.put_list(COLUMNS, STRUCT, after)
    for field, part in ((TOTAL_BYTE_SIZE, UNCOMPRESSED), (TOTAL_COMPRESSED_SIZE, COMPRESSED)):
        if (total := group.get(field, I64)) is not None:
            merged.put(field, I64, total + _sum(after, part) - _sum(before, part))
    _sort_as_before(merged, {leaf: at for at, (leaf, _) in enumerate(order) if leaf is not None})
    return merged


def _sum(chunks: Sequence[Struct], field: int) -> int:
    return sum(chunk.need(META_DATA, STRUCT).get(field, I64) or 0 for chunk in chunks)


def _sort_as_before(group: Struct, places: dict[int, int]) -> None:
    """Rows stay sorted by the columns before the first one that was the user's and is ours now."""
    sorting = group.listed(SORTING, STRUCT)
    if not sorting:
        return
    kept: list[Struct] = []
    for one in sorting:
        place = places.get(one.need(_SORTED_LEAF, I32))
        if place is None:
            break
        one = one.copy()
        one.put(_SORTED_LEAF, I32, place)
        kept.append(one)
    if kept:
        group.put_list(SORTING, STRUCT, kept)
    else:
        del group.fields[SORTING]
