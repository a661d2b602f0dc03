"""Times and days as typed, and as they are shown again."""

from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.core.planned_night import PlannedNight, read_days, read_time, shown_days
from batch.errors import UsageError


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("mon-fri", (0, 1, 2, 3, 4)),
        ("Sat,Sun", (5, 6)),
        ("fri-mon", (0, 4, 5, 6)),
        ("mon-sun", (0, 1, 2, 3, 4, 5, 6)),
        ("wednesday", (2,)),
        ("mon, wed-thu", (0, 2, 3)),
    ],
)
def test_days_are_read_as_people_write_them(text: str, days: tuple[int, ...]) -> None:
    """Spans may go over the end of the week."""
    assert read_days(text) == days


@pytest.mark.parametrize("text", ["", "mo", "monn", "mon-", "1-5", "mon..fri", "-"])
def test_what_is_no_day_is_refused(text: str) -> None:
    """With an example."""
    with pytest.raises(UsageError, match="mon-fri or sat,sun"):
        read_days(text)


@pytest.mark.parametrize("text", ["24:00", "7", "07:60", "", "22:00:00", "٢٢:٠٠"])
def test_what_is_no_time_is_refused(text: str) -> None:
    """With an example."""
    with pytest.raises(UsageError, match="22:00"):
        read_time(text)
    assert read_time("7:05") == time(7, 5)


@given(st.sets(st.integers(0, 6), min_size=1))
def test_days_are_shown_as_they_can_be_typed_again(days: set[int]) -> None:
    """All seven are every day."""
    shown = shown_days(sorted(days))
    assert (set(range(7)) if shown == "every day" else set(read_days(shown))) == days


def test_a_table_has_one_tag_and_others_have_another() -> None:
    """Also names that are no text."""
    assert PlannedNight("/a", time(1)).tag == PlannedNight("/a", time(2)).tag
    assert len({PlannedNight(name, time(1)).tag for name in ("/a", "/b", "/\udcff", "/ä")}) == 4
