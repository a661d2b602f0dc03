"""Rows without an id that ask for the same are named with what they cost."""

from collections.abc import Callable

import pytest

from batch.ledger.twins import Twins, find_twins, told_twins
from tests.support.sheets import PRICE, Sheet, make

__all__ = ["make"]

BOAT, BIRD = "boat,https://x.y/1\n", "bird,https://x.y/1\n"


def test_rows_that_ask_for_the_same_are_found_with_their_price(make: Callable[..., Sheet]) -> None:
    """Each group once; a row of which there is only one is none."""
    sheet = make("prompt,image\n" + BOAT * 3 + "alone,https://x.y/1\n" + BIRD + BOAT + BIRD)
    assert find_twins(sheet.ledger) == [Twins([2, 3, 4, 7], 4, 4 * PRICE), Twins([6, 8], 2, 2 * PRICE)]


def test_rows_with_an_id_are_told_apart_by_it(make: Callable[..., Sheet]) -> None:
    """Takes that a person has named are meant; ids that stand twice tell nothing apart."""
    text = "id,prompt,image\n1,BOAT2,BOAT3,BOAT3,BOAT".replace("BOAT", BOAT)
    assert find_twins(make(text).ledger) == [Twins([4, 5], 2, 2 * PRICE)]


def test_what_has_its_video_is_not_bought_again(make: Callable[..., Sheet]) -> None:
    """It is one of them, and the others are more of it; where all have theirs there is nothing to tell."""
    sheet = make("prompt,image\n" + BOAT * 3)
    first, second, third = sheet.rows()
    sheet.succeed(first)
    assert find_twins(sheet.ledger) == [Twins([2, 3, 4], 2, 2 * PRICE)]
    sheet.succeed(second)
    sheet.succeed(third)
    assert find_twins(sheet.ledger) == []


def test_a_row_that_was_edited_asks_for_something_else(make: Callable[..., Sheet]) -> None:
    """Its video is of what it asked for then."""
    sheet = make("id,prompt,image\n,boat,https://x.y/1\n,boat,https://x.y/1\n")
    sheet.succeed(sheet.rows()[0])
    sheet.save()
    sheet.path.write_text(sheet.path.read_text().replace("boat", "ship", 1))
    sheet.read()
    assert find_twins(sheet.ledger) == []


@pytest.mark.parametrize(
    ("twins", "text"),
    [
        (Twins([2, 3, 4], 3, 1_470_000), "rows 2–4 ask for the same: $1.47 for three takes"),
        (Twins([2, 9], 2, None), "rows 2 and 9 ask for the same: two takes"),
        (Twins([2, 3, 4], 1, 490_000), "rows 2–4 ask for the same: $0.49 for one more take"),
        (Twins([*range(2, 32)], 30, 14_700_000), "rows 2–31 ask for the same: $14.70 for 30 takes"),
    ],
)
def test_a_group_is_told_in_a_line(twins: Twins, text: str) -> None:
    """With its rows, its price and how many takes that is."""
    assert twins.text() == text


def test_many_groups_are_cut_with_what_the_rest_costs() -> None:
    """Unless all are asked for."""
    found = [Twins([n, n + 1], 2, 980_000) for n in range(2, 16, 2)]
    lines = told_twins(found)
    assert len(lines) == 6
    assert lines[-1] == "… and 2 more groups of rows that ask for the same: $1.96 for 4 takes"
    assert len(told_twins(found, None)) == 7
    assert told_twins([*found, Twins([20, 21], 2, None)])[-1] == "… and 3 more groups of rows that ask for the same"
    assert told_twins([]) == []
