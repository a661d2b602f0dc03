"""Our columns: what a person's table gets, told a second time."""

from typing import get_type_hints

from batch.core.row import ResultRow
from batch.manifest.result_columns import ONLY_WITH_TAKES, RESULT_COLUMNS, ResultCells
from batch.table import ColumnType


def test_our_columns_have_these_names_and_types_in_this_order() -> None:
    """Tables that were written have them so: another name or type would add a second column, or refuse the first."""
    assert list(RESULT_COLUMNS.items()) == [
        ("status", ColumnType.TEXT),
        ("video_url", ColumnType.TEXT),
        ("error", ColumnType.TEXT),
        ("error_type", ColumnType.TEXT),
        ("request_id", ColumnType.TEXT),
        ("attempts", ColumnType.INTEGER),
        ("cost_usd", ColumnType.MONEY),
        ("submitted_at", ColumnType.TIME),
        ("finished_at", ColumnType.TIME),
        ("video_path", ColumnType.TEXT),
        ("video_size", ColumnType.INTEGER),
        ("video_type", ColumnType.TEXT),
        ("take_shown", ColumnType.INTEGER),
        ("takes_made", ColumnType.INTEGER),
    ]


def test_the_columns_that_only_some_tables_have_are_the_last_ones() -> None:
    """A table is written without them by leaving off the end."""
    assert tuple(RESULT_COLUMNS)[-len(ONLY_WITH_TAKES) :] == ONLY_WITH_TAKES


def test_the_cells_of_a_record_stand_in_the_order_of_the_columns() -> None:
    """They are written by position."""
    assert ResultCells._fields == tuple(RESULT_COLUMNS)


def test_every_record_has_a_status_and_all_else_may_be_empty() -> None:
    """Nothing is said of a row of which nothing is known."""
    assert set(ResultCells._field_defaults) == set(RESULT_COLUMNS) - {"status"}
    assert not any(value for value in ResultCells._field_defaults.values())
    hints = get_type_hints(ResultCells)
    assert {name for name, hint in hints.items() if not isinstance(None, hint)} == {"status"}


def test_what_the_ledger_calls_by_the_same_name_is_read_from_it() -> None:
    """Status, error, cost and what a video is are made of its fields; the others are shown as they are."""
    made = {"status", "error", "cost_usd", "video_size", "video_type", "take_shown", "takes_made"}
    assert set(RESULT_COLUMNS) - set(ResultRow._fields) == made
