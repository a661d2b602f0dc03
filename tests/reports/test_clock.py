"""Times as the clock on the wall shows them."""

from datetime import UTC, datetime

import pytest

from batch.reports.clock import clock, local

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC).timestamp()


def utc(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


@pytest.mark.parametrize(
    ("after", "shown"),
    [
        (0.0, "12:00"),
        (0.1, "12:01"),
        (60.0, "12:01"),
        (12 * 3600 - 60, "23:59"),
        (12 * 3600 - 59, "26 Nov 00:00"),
        (13 * 3600 + 60, "26 Nov 01:01"),
        (-12.5 * 3600, "24 Nov 23:30"),
    ],
)
def test_a_time_of_another_day_is_shown_with_it(after: float, shown: str) -> None:
    """Rounded up: asked again at that minute, it is later."""
    assert clock(NOON + after, NOON, utc) == shown


def test_the_clock_is_that_of_this_machine() -> None:
    assert local(NOON).timestamp() == NOON
    assert clock(NOON, NOON) == local(NOON).strftime("%H:%M")
