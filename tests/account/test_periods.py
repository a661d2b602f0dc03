"""When a night, a day and a month begin."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.account.periods import period_start
from batch.core.money import PERIODS


@pytest.mark.parametrize(
    ("period", "now", "began"),
    [
        ("night", "2026-11-25T11:59:59", "2026-11-24T12:00:00"),
        ("night", "2026-11-25T12:00:00", "2026-11-25T12:00:00"),
        ("night", "2026-11-25T23:00:00", "2026-11-25T12:00:00"),
        ("night", "2026-03-01T03:00:00", "2026-02-28T12:00:00"),
        ("day", "2026-11-25T00:00:00", "2026-11-25T00:00:00"),
        ("day", "2026-11-25T23:59:59", "2026-11-25T00:00:00"),
        ("month", "2026-11-25T23:59:59", "2026-11-01T00:00:00"),
        ("month", "2026-11-01T00:00:00", "2026-11-01T00:00:00"),
    ],
)
def test_a_period_begins_where_people_say_it_does(period: str, now: str, began: str) -> None:
    found = period_start(period, datetime.fromisoformat(now).replace(tzinfo=UTC))
    assert found == datetime.fromisoformat(began).replace(tzinfo=UTC)


EARLY = datetime(1990, 1, 1)  # noqa: DTZ001 - hypothesis takes bounds without a zone


@given(st.sampled_from(PERIODS), st.datetimes(EARLY, EARLY.replace(year=2100), timezones=st.just(UTC)))
def test_a_period_holds_its_moment_and_begins_once(period: str, now: datetime) -> None:
    began = period_start(period, now)
    assert began <= now < began + timedelta(days=32 if period == "month" else 1)
    assert period_start(period, began) == began


def test_no_other_period_is_known() -> None:
    with pytest.raises(ValueError, match="no such period"):
        period_start("week", datetime(2026, 1, 1, tzinfo=UTC))
