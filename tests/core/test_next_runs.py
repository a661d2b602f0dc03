"""When the next runs are, over nights in which the clocks change."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.core.next_runs import next_runs, told_runs
from batch.core.planned_night import EVERY_DAY

BERLIN = ZoneInfo("Europe/Berlin")


def told(
    now: str, at: str, *, late: bool = True, until: str | None = None, days: tuple[int, ...] = EVERY_DAY
) -> list[str]:
    here = datetime.fromisoformat(now).replace(tzinfo=BERLIN)
    end = time.fromisoformat(until) if until else None
    runs = next_runs(here, time.fromisoformat(at), days, 3, until=end, late=late)
    return [line.strip() for line in told_runs(runs, here)]


def test_an_ordinary_week() -> None:
    """Today, where that is still to come."""
    assert told("2026-11-25T12:00", "22:00") == ["today 22:00", "Thu 26 Nov 22:00", "Fri 27 Nov 22:00"]
    assert told("2026-11-25T22:00", "22:00", days=(0, 2)) == ["Mon 30 Nov 22:00", "Wed 2 Dec 22:00", "Mon 7 Dec 22:00"]


def test_a_time_that_the_clocks_skip_is_made_up_for_by_cron_and_left_out_by_systemd() -> None:
    """As Debian's cron does, and `systemd-analyze calendar` says."""
    cron = told("2027-03-27T12:00", "02:30")
    assert cron == [
        "Sun 28 Mar 03:00 (the clocks skip 02:30 that night)",
        "Mon 29 Mar 02:30",
        "Tue 30 Mar 02:30",
    ]
    systemd = told("2027-03-27T12:00", "02:30", late=False)
    assert systemd[0] == "Mon 29 Mar 02:30 (not on Sun 28 Mar, when the clocks skip 02:30)"


def test_a_time_that_comes_twice_is_run_once() -> None:
    """The first time."""
    first, second, _ = told("2027-10-30T12:00", "02:30")
    assert first == "Sun 31 Oct 02:30 (02:30 comes twice that night: the first time only)"
    assert second == "Mon 1 Nov 02:30"


def test_a_night_that_is_shorter_or_longer_is_said_to_be() -> None:
    """Where an end was told."""
    spring = told("2027-03-26T12:00", "22:00", until="07:00")
    assert spring[1] == "Sat 27 Mar 22:00 (the clocks go forward: 8 h until 07:00 instead of 9 h)"
    autumn = told("2027-10-30T12:00", "22:00", until="07:00")
    assert autumn[0] == "today 22:00 (the clocks go back: 10 h until 07:00 instead of 9 h)"
    assert autumn[1] == "Sun 31 Oct 22:00"


@given(
    st.integers(0, 3 * 365 * 1440).map(lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)),
    st.times().map(lambda one: one.replace(second=0, microsecond=0)),
    st.sets(st.integers(0, 6), min_size=1),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC", "Asia/Kathmandu"]),
)
def test_runs_come_in_order_after_now_on_their_days(now: datetime, at: time, days: set[int], zone: str) -> None:
    """In real time, whatever the clocks do; and each says its hour, but where the clocks skip it."""
    here = now.astimezone(ZoneInfo(zone))
    runs = next_runs(here, at, sorted(days), 4)
    stamps = [run.when.timestamp() for run in runs]
    assert [here.timestamp(), *stamps] == sorted({here.timestamp(), *stamps})
    assert all(run.when.weekday() in days for run in runs)
    assert all(run.when.time() == at or "skip" in run.note for run in runs)
    assert all(run.when.astimezone(UTC) - here.astimezone(UTC) < timedelta(days=30) for run in runs)


@pytest.mark.parametrize("late", [True, False])
def test_a_skipped_night_is_no_reason_to_come_too_few_times(late: bool) -> None:
    """Three are three."""
    here = datetime(2027, 3, 27, 12, tzinfo=BERLIN)
    assert len(next_runs(here, time(2, 30), EVERY_DAY, 3, late=late)) == 3
