"""Where columns of ours stand in a header."""

import pytest

from batch.table.column import column_positions


def test_a_column_stands_where_the_header_last_has_its_name() -> None:
    """Others are appended in their order, right of the widest record."""
    assert column_positions(["status", "error", "cost_usd"], ["status", "error", "status"], 5) == [2, 1, 5]
    assert column_positions(["error", "status"], ["prompt"], 1) == [1, 2]
    assert column_positions([], ["prompt"], 1) == []


@pytest.mark.parametrize("names", [["status", "status"], ["status", ""]])
def test_names_of_ours_are_distinct_and_not_empty(names: list[str]) -> None:
    """Nobody could tell such columns apart when they are read again."""
    with pytest.raises(ValueError, match="distinct names"):
        column_positions(names, ["prompt"], 1)
