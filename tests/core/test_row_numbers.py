"""Numbers of rows, as they are told to a person."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.core.row_numbers import LISTED, row_numbers


@pytest.mark.parametrize(
    ("numbers", "written"),
    [
        ([], ""),
        ([4], "4"),
        ([3, 2], "2, 3"),
        ([2, 3, 4], "2–4"),
        ([2, 3, 4, 7], "2–4 and 7"),
        ([9, 2, 3, 4, 7, 7], "2–4, 7 and 9"),
        (range(2, 1002), "2–1001"),
        (range(0, 20, 2), "0, 2, 4, 6, 8 and 5 more"),
    ],
)
def test_neighbours_are_one_stretch(numbers: list[int], written: str) -> None:
    """In order, each once; of many stretches the first ones and a count."""
    assert row_numbers(numbers) == written


@given(st.sets(st.integers(1, 60)))
def test_every_row_is_named_or_counted(numbers: set[int]) -> None:
    """None is lost, none is made up."""
    text = row_numbers(numbers)
    named, _, more = text.rpartition(" and ") if text.endswith("more") else (text, "", "0 more")
    found: set[int] = set()
    for part in re.split(", | and ", named) if named else []:
        first, _, last = part.partition("–")
        found |= set(range(int(first), int(last or first) + 1))
    assert found <= numbers
    assert len(found) + int(more.removesuffix(" more")) == len(numbers)
    assert len(re.split(", | and ", named)) <= 2 * LISTED
