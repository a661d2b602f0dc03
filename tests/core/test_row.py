"""A row on its way: how a problem is told, and what a person names."""

import dataclasses

import pytest

from batch.core import row
from batch.core.row import Problem, RowSelection


def test_a_problem_says_where_it_is_before_what_it_is() -> None:
    """The row as the spreadsheet numbers it, the column as the table names it."""
    assert str(Problem(7, "Startbild", "no such file")) == "row 7, column Startbild: no such file"
    assert str(Problem(7, "Bild", "is empty", "s3")) == "row 7 (id s3), column Bild: is empty"
    assert str(Problem(7, "Bild", "is empty", "s" * 99)) == f"row 7 (id {'s' * 37}…), column Bild: is empty"


@pytest.mark.parametrize(
    ("selection", "names_some"),
    [
        (RowSelection(), False),
        (RowSelection((), ()), False),
        (RowSelection([2]), True),
        (RowSelection(ids=["s1"]), True),
        (RowSelection([0]), True),
        (RowSelection(ids=[""]), True),
    ],
)
def test_a_selection_that_names_a_row_is_never_taken_for_one_that_names_none(
    selection: RowSelection, names_some: bool
) -> None:
    """None means all of them: row 0 or an empty id must end in an error, not in every row."""
    assert bool(selection) is names_some


def test_the_shapes_of_a_row_cannot_be_changed_on_the_way() -> None:
    """What one part hands to the next stays what it was."""
    shapes = [kind for kind in vars(row).values() if dataclasses.is_dataclass(kind)]
    assert len(shapes) > 5
    assert all(kind.__dataclass_params__.frozen for kind in shapes)  # type: ignore[attr-defined]
