"""The merge of footers, on trees alone."""

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as quickly
from hypothesis import strategies as st

from batch.table.parquet_footer import (
    COLUMN_ORDERS,
    COLUMNS,
    META_DATA,
    ROW_GROUPS,
    SCHEMA,
    SORTING,
    TOTAL_BYTE_SIZE,
    TOTAL_COMPRESSED_SIZE,
    Footer,
    SchemaColumn,
)
from batch.table.parquet_merge import COMPRESSED, OurColumn, Slot, extent, lay_out, merge, moved, selected
from batch.table.thrift_compact import I32, I64, STRUCT, Struct
from tests.support.parquet_files import NAMES, contents, settings, tables, written


def footer(table: pa.Table, **how: Any) -> Footer:
    return contents(written(table, **how)).footer


def ours(users: Footer, count: int) -> list[OurColumn]:
    """Columns without any pages: the merge does not look at them."""
    chunk = Struct({META_DATA: (STRUCT, Struct({6: (I64, 7), COMPRESSED: (I64, 5)}))})
    return [OurColumn(Struct({4: (8, NAMES[at].encode())}), [chunk] * len(users.groups)) for at in range(count)]


def names(slots: list[Slot]) -> list[str | int]:
    return [slot if isinstance(slot, int) else slot.name for slot in slots]


@quickly(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tables(), settings(), st.integers(1, 3))
def test_ours_taken_out_again_leave_the_footer_as_it_was(table: pa.Table, how: dict[str, Any], count: int) -> None:
    """Everything that is not named as ours: order, sizes, metadata, unknown fields."""
    users = footer(table, **how)
    assume(not any(one.name in NAMES for one in users.columns))
    slots = lay_out(users.columns, NAMES[:count])
    tree = merge(users, slots, ours(users, count), [])
    merged = Footer(tree, users.columns, users.start, users.end)
    back = tree.copy()
    back.put_list(SCHEMA, STRUCT, [users.schema[0], *merged.schema[1 : len(users.schema)]])
    groups = []
    for group, before in zip(merged.groups, users.groups, strict=True):
        group = group.copy()
        group.put_list(COLUMNS, STRUCT, (group.listed(COLUMNS, STRUCT) or [])[:-count])
        group.put(TOTAL_BYTE_SIZE, I64, group.get(TOTAL_BYTE_SIZE, I64) - 7 * count)
        if TOTAL_COMPRESSED_SIZE in before.fields:
            group.put(TOTAL_COMPRESSED_SIZE, I64, group.get(TOTAL_COMPRESSED_SIZE, I64) - 5 * count)
        groups.append(group)
    back.put_list(ROW_GROUPS, STRUCT, groups)
    if COLUMN_ORDERS in users.tree.fields:
        back.put_list(COLUMN_ORDERS, STRUCT, (tree.listed(COLUMN_ORDERS, STRUCT) or [])[:-count])
    assert back == users.tree


@quickly(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(["a", "b", *NAMES[:3]]), st.integers(0, 3)), max_size=6))
def test_each_column_has_one_place_and_ours_is_never_first(shape: list[tuple[str, int]]) -> None:
    """Whatever stands where: the user's in their order, the last of our names replaced, no leaf of ours in front."""
    columns, leaf = [], 0
    for at, (name, leaves) in enumerate(shape):
        columns.append(SchemaColumn(at, name, slice(at, at + 1), slice(leaf, leaf + leaves), leaves == 1))
        leaf += leaves
    slots = lay_out(columns, NAMES[:3])
    last = {column.name: column.index for column in columns}
    kept = [column for column in columns if column.name not in NAMES or last[column.name] != column.index]
    assert [slot for slot in slots if not isinstance(slot, int)] == kept
    assert sorted(slot for slot in slots if isinstance(slot, int)) == [0, 1, 2]
    with_leaves = [slot for slot in slots if isinstance(slot, int) or slot.leaves.start < slot.leaves.stop]
    if any(not isinstance(slot, int) for slot in with_leaves):
        assert not isinstance(with_leaves[0], int)


def test_ours_come_where_their_names_stand_or_behind() -> None:
    """Not first, nor in the place of a nested column."""
    table = pa.table({"status": ["x"], "attempts": [1], "p": ["a"], "video_url": [None], "cost_usd": [[1]], "z": [1]})
    assert names(lay_out(footer(table).columns, NAMES)) == ["p", 1, "z", 0, 2, 3, 4]


@pytest.mark.parametrize(("by", "kept"), [((3, 1, 2), [3, 1]), ((3, 0), [3, 0]), ((2, 3), None)])
def test_a_column_that_is_ours_now_ends_what_rows_are_sorted_by(by: tuple[int, ...], kept: list[int] | None) -> None:
    """The columns before it still count, those after it do not."""
    table = pa.table({"n": [{"x": 1, "y": 2}], "status": ["a"], "z": [1]})
    users = footer(table, sorting_columns=[pq.SortingColumn(leaf) for leaf in by])
    assert sorted_by(users, ["status"]) == kept


def test_what_rows_are_sorted_by_keeps_its_number_when_columns_move() -> None:
    """The first one becomes ours and goes to the end: the others are one further to the front."""
    table = pa.table({"status": ["a"], "p": ["b"], "z": [1]})
    users = footer(table, sorting_columns=[pq.SortingColumn(2), pq.SortingColumn(1)])
    assert sorted_by(users, ["status"]) == [1, 0]


def sorted_by(users: Footer, columns: list[str]) -> list[int] | None:
    """The leaves that the merged footer calls sorted."""
    tree = merge(users, lay_out(users.columns, columns), ours(users, len(columns)), [])
    found = Footer(tree, (), 0, 0).groups[0].listed(SORTING, STRUCT)
    return None if found is None else [one.get(1, I32) for one in found]


def test_what_is_moved_is_moved_in_all_of_its_offsets() -> None:
    """Beyond 2 and 4 GB too; an index of pages, which has offsets inside, is left out; the original is not touched."""
    meta = Struct({7: (I64, 10), 9: (I64, 40), 11: (I64, 4), 14: (I64, 90)})
    chunk = Struct({2: (I64, 4), META_DATA: (STRUCT, meta), 4: (I64, 1), 5: (I32, 1), 6: (I64, 1), 7: (I32, 1)})
    for by in (0, 5, (1 << 31) + 1, (1 << 40) + 1):
        after = moved(chunk, by)
        assert after.fields.keys() == {2, META_DATA}
        assert [after.need(META_DATA, STRUCT).get(one, I64) for one in (9, 10, 11, 14)] == [
            40 + by,
            None,
            4 + by,
            90 + by,
        ]
        assert extent(after) == (4 + by, 10)
    assert extent(chunk) == (4, 10)


@pytest.mark.parametrize("wanted", [[0], [1, 2], [2]])
def test_a_selection_is_a_table_of_just_these_columns(wanted: list[int]) -> None:
    """Chunks and schema of the others are not in it."""
    users = footer(pa.table({"a": [1], "n": [{"x": 1, "y": 2}], "z": ["b"]}))
    found = Footer(selected(users, wanted), (), 0, 0)
    leaves = sum(users.columns[at].leaves.stop - users.columns[at].leaves.start for at in wanted)
    assert len(found.groups[0].listed(COLUMNS, STRUCT) or []) == leaves
    assert found.schema[0].get(5, I32) == len(wanted)
