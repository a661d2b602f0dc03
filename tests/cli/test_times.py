"""What a person types for durations and times of day."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.cli.times import seconds, seconds_until
from batch.errors import UsageError

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = 3600.0


@pytest.mark.parametrize(
    ("text", "meant"), [("8h", 8 * HOUR), ("90m", 1.5 * HOUR), ("1h30m", 1.5 * HOUR), ("45s", 45.0), ("0.5H", 1800.0)]
)
def test_durations(text: str, meant: float) -> None:
    """Hours, minutes, seconds, and sums of them."""
    assert seconds(text) == meant


@pytest.mark.parametrize("text", ["", "8", "h", "8x", "0s", "-1h", "1h-5m", "1..5h"])
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    """A bare number might mean anything."""
    with pytest.raises(UsageError, match="8h"):
        seconds(text)


@given(st.text(max_size=12))
def test_whatever_is_typed_is_understood_or_refused(text: str) -> None:
    """Never a traceback."""
    for understand in (seconds, lambda said: seconds_until(said, NOON)):
        try:
            understand(text)
        except UsageError:
            continue


NOON = datetime(2026, 11, 22, 12, 0, tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("now", "until", "hours"),
    [
        (datetime(2026, 11, 22, 22, 0, tzinfo=BERLIN), "07:00", 9),
        (datetime(2026, 11, 22, 6, 59, tzinfo=BERLIN), "07:00", 1 / 60),
        (datetime(2026, 11, 22, 7, 0, tzinfo=BERLIN), "07:00", 24),
        (datetime(2026, 3, 28, 22, 0, tzinfo=BERLIN), "07:00", 8),  # the clocks go forward in this night
        (datetime(2026, 10, 24, 22, 0, tzinfo=BERLIN), "07:00", 10),  # and back in this one
        (datetime(2026, 3, 28, 22, 0, tzinfo=BERLIN), "02:30", 4.5),  # a time that this night does not have
    ],
)
def test_until_is_the_next_such_time_on_the_local_clock(now: datetime, until: str, hours: float) -> None:
    """Real seconds, summer time or not."""
    assert seconds_until(until, now) == pytest.approx(hours * HOUR)


@pytest.mark.parametrize(("fold", "hours"), [(0, 1.5), (1, 0.5)])
def test_an_hour_that_comes_twice_is_told_apart(fold: int, hours: float) -> None:
    """At 02:30 of the night in which the clocks go back, 03:00 is half an hour away, or one and a half."""
    now = datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=fold)
    assert seconds_until("03:00", now) == pytest.approx(hours * HOUR)


@given(
    st.integers(1_735_689_600, 1_893_456_000),  # 2025 to 2030
    st.times(),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]),
)
def test_until_is_always_ahead_and_within_two_days(at: int, time: object, zone: str) -> None:
    """And the local clock shows it then, where no summer time meddles."""
    now = datetime.fromtimestamp(at, ZoneInfo(zone))
    ahead = seconds_until(f"{time:%H:%M}", now)
    assert 0 < ahead <= 49 * HOUR
    if zone in ("Asia/Kolkata", "UTC"):
        assert f"{now + timedelta(seconds=ahead):%H:%M:%S}" == f"{time:%H:%M}:00"
