"""Reads durations and times of day as typed: 8h, 90m, 07:00."""

import re
from datetime import datetime, time, timedelta

from batch.cli.numbers import number
from batch.errors import UsageError

_DURATION = re.compile(r"(?:([0-9.]+)h)?(?:([0-9.]+)m(?:in)?)?(?:([0-9.]+)s)?", re.IGNORECASE | re.ASCII)
_UNITS = (3600, 60, 1)
_TIME_OF_DAY = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")


def seconds(text: str) -> float:
    """`8h`, `90m`, `1h30m`, `45s` → seconds.

    Raises:
        UsageError: not a duration.
    """
    found = _DURATION.fullmatch(text)
    parts = zip(found.groups(), _UNITS, strict=True) if found else ()
    try:
        total = sum(number(part) * unit for part, unit in parts if part)
    except UsageError:
        total = 0
    if total <= 0:
        raise UsageError(f"{text!r} is not a duration: write it like 8h, 90m or 1h30m")
    return total


def seconds_until(text: str, now: datetime) -> float:
    """`07:00` → real seconds from now to its next occurrence on the local clock, summer time or not.

    Args:
        now: aware, in the local time zone.

    Raises:
        UsageError: not a time of day.
    """
    found = _TIME_OF_DAY.fullmatch(text)
    if not found:
        raise UsageError(f"{text!r} is not a time of day: write it like 07:00")
    wanted = time(int(found[1]), int(found[2]))
    for days in range(3):
        naive = datetime.combine(now.date() + timedelta(days=days), wanted)
        then = naive.replace(tzinfo=now.tzinfo) if _has_rules(now) else naive.astimezone()
        if then.timestamp() > now.timestamp():
            return then.timestamp() - now.timestamp()
    raise AssertionError("a time of day comes every day")


def _has_rules(now: datetime) -> bool:
    """Whether the zone knows its own changes; the plain local offset does not, and the system is asked instead."""
    return hasattr(now.tzinfo, "key")
