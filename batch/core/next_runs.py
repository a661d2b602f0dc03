"""Tells when the next runs are, in words, also over the nights in which the clocks change. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

_MINUTE = timedelta(minutes=1)
_MOST_DAYS = 400


@dataclass(frozen=True, slots=True)
class NextRun:
    """When a run begins, and what is odd about that night."""

    when: datetime
    note: str = ""

    def text(self, today: datetime) -> str:
        """`today 22:00`, `Sun 28 Mar 03:00 (…)`."""
        day = "today" if self.when.date() == today.date() else f"{self.when:%a} {self.when.day} {self.when:%b}"
        return f"{day} {self.when:%H:%M}{f' ({self.note})' if self.note else ''}"


def next_runs(
    now: datetime, at: time, days: Sequence[int], count: int, *, until: time | None = None, late: bool = True
) -> list[NextRun]:
    """The next runs after now.

    Args:
        now: aware, in a zone that knows its changes (`zoneinfo`).
        until: when each is to end, at the latest.
        late: a time that the clocks skip is made up for as soon as they have (Debian's cron); else there is no run in
            that night (systemd).
    """
    zone = now.tzinfo
    assert zone is not None  # noqa: S101 - the caller's promise
    found: list[NextRun] = []
    skipped = ""
    for day in range(_MOST_DAYS):
        naive = datetime.combine(now.date() + timedelta(days=day), at)
        if naive.weekday() not in days:
            continue
        when, note = _begins(naive, zone)
        if "skip" in note and not late:
            skipped = f"not on {naive:%a} {naive.day} {naive:%b}, when the clocks skip {at:%H:%M}"
            continue
        if _seconds(when) <= _seconds(now):
            continue
        notes = [one for one in (skipped, note, _length(when, until)) if one]
        found.append(NextRun(when, "; ".join(notes)))
        skipped = ""
        if len(found) == count:
            break
    return found


def _begins(naive: datetime, zone: tzinfo) -> tuple[datetime, str]:
    if _exists(naive, zone):
        first, second = naive.replace(tzinfo=zone), naive.replace(tzinfo=zone, fold=1)
        twice = first.utcoffset() != second.utcoffset()
        return first, f"{naive:%H:%M} comes twice that night: the first time only" if twice else ""
    start = naive
    while not _exists(start - _MINUTE, zone):
        start -= _MINUTE
    moved = start.replace(tzinfo=zone).astimezone(UTC).astimezone(zone)
    return moved, f"the clocks skip {naive:%H:%M} that night"


def _exists(naive: datetime, zone: tzinfo) -> bool:
    return naive.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) == naive


def _length(begin: datetime, until: time | None) -> str:
    """Whether the night is longer or shorter than the clock on the wall says."""
    if until is None:
        return ""
    naive = datetime.combine(begin.date(), until)
    if naive <= begin.replace(tzinfo=None):
        naive += timedelta(days=1)
    by_clock = naive - begin.replace(tzinfo=None)
    really = timedelta(seconds=_seconds(naive.replace(tzinfo=begin.tzinfo)) - _seconds(begin))
    if really == by_clock:
        return ""
    change = "back" if really > by_clock else "forward"
    return f"the clocks go {change}: {_hours(really)} until {until:%H:%M} instead of {_hours(by_clock)}"


def _hours(span: timedelta) -> str:
    hours, minutes = divmod(round(span.total_seconds() / 60), 60)
    return f"{hours} h{f' {minutes} min' if minutes else ''}"


def _seconds(when: datetime) -> float:
    return when.timestamp()


def told_runs(runs: Sequence[NextRun], now: datetime) -> Iterator[str]:
    """A line each."""
    for run in runs:
        yield f"  {run.text(now)}"
