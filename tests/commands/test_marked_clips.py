"""Rows and takes that a person names: a file that cannot be read is told."""

from pathlib import Path

import pytest

from batch.commands.marked_clips import review_marks, shown_names
from batch.core.states import State
from batch.errors import UsageError
from batch.ledger.takes import TakeRow


def test_a_file_of_marks_that_is_not_there_is_told(tmp_path: Path) -> None:
    """With its name, and what to do."""
    with pytest.raises(UsageError, match=r"--from .*none\.csv: it cannot be read \(No such file"):
        review_marks(tmp_path / "none.csv")


def test_many_rows_are_named_by_the_first_ones() -> None:
    """And counted."""
    rows = [TakeRow(n, n + 1, f"s{n}" if n == 1 else None, State.SUCCEEDED, None) for n in range(1, 13)]
    assert shown_names(rows, 2) == "row 2 (s1), row 3 and 10 more"
