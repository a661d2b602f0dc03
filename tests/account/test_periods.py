"""When a night, a day and a month begin."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.account.periods import period_end, period_start
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


@pytest.mark.parametrize(
    ("period", "now", "ends"),
    [
        ("night", "2026-11-25T11:59:59", "2026-11-25T12:00:00"),
        ("night", "2026-11-25T12:00:00", "2026-11-26T12:00:00"),
        ("day", "2026-11-25T23:59:59", "2026-11-26T00:00:00"),
        ("month", "2026-02-28T23:59:59", "2026-03-01T00:00:00"),
        ("month", "2026-12-31T00:00:00", "2027-01-01T00:00:00"),
    ],
)
def test_a_period_ends_where_the_next_one_begins(period: str, now: str, ends: str) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC).timestamp()
    found = period_end(period, moment, lambda at: datetime.fromtimestamp(at, UTC))
    assert datetime.fromtimestamp(found, UTC) == datetime.fromisoformat(ends).replace(tzinfo=UTC)


@pytest.mark.parametrize("day", ["2026-03-28", "2026-03-29", "2026-10-24", "2026-10-25"])
@pytest.mark.parametrize("period", ["night", "day"])
def test_a_period_ends_by_the_clock_on_the_wall_also_when_that_is_set(period: str, day: str) -> None:
    """Summer time begins and ends in such nights."""
    berlin = ZoneInfo("Europe/Berlin")
    began = period_start(period, datetime.fromisoformat(f"{day}T18:00:00").replace(tzinfo=berlin))
    ends = datetime.fromtimestamp(
        period_end(period, began.timestamp(), lambda at: datetime.fromtimestamp(at, berlin)), berlin
    )
    assert (ends.date() - began.date(), ends.time()) == (timedelta(days=1), began.time())


EARLY = datetime(1990, 1, 1)  # noqa: DTZ001 - hypothesis takes bounds without a zone


@given(st.sampled_from(PERIODS), st.datetimes(EARLY, EARLY.replace(year=2100), timezones=st.just(UTC)))
def test_a_period_holds_its_moment_and_begins_once(period: str, now: datetime) -> None:
    began = period_start(period, now)
    assert began <= now < began + timedelta(days=32 if period == "month" else 1)
    assert period_start(period, began) == began


def test_no_other_period_is_known() -> None:
    with pytest.raises(ValueError, match="no such period"):
        period_start("week", datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("period", PERIODS)
def test_a_period_begins_at_the_full_hour(period: str) -> None:
    """Not at the fraction of a second at which it is asked."""
    began = period_start(period, datetime(2026, 11, 25, 13, 14, 15, 161718, UTC))
    assert (began.minute, began.second, began.microsecond) == (0, 0, 0)
