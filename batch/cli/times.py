"""Reads durations and times of day as typed: 8h, 90m, 07:00."""

from datetime import datetime, timedelta

from batch.errors import UsageError

_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600}


def seconds(text: str) -> float:
    """`8h`, `90m`, `1h30m`, `45s` → seconds.

    Raises:
        UsageError: not a duration.
    """
    total, number = 0.0, ""
    rest = text.strip().casefold()
    while rest:
        digits = len(rest) - len(rest.lstrip("0123456789."))
        number, rest = rest[:digits], rest[digits:]
        letters = len(rest) - len(rest.lstrip("hmins"))
        unit, rest = rest[:letters], rest[letters:]
        if unit not in _UNITS or not number.replace(".", "", 1).isdigit():
            total = 0.0
            break
        total += float(number) * _UNITS[unit]
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
    try:
        wanted = datetime.strptime(text.strip(), "%H:%M").time()  # noqa: DTZ007 - a time of day has no zone
    except ValueError as error:
        raise UsageError(f"{text!r} is not a time of day: write it like 07:00") from error
    for days in range(3):
        naive = datetime.combine(now.date() + timedelta(days=days), wanted)
        then = naive.replace(tzinfo=now.tzinfo) if _has_rules(now) else naive.astimezone()
        if then.timestamp() > now.timestamp():
            return then.timestamp() - now.timestamp()
    raise AssertionError("a time of day comes every day")


def _has_rules(now: datetime) -> bool:
    """Whether the zone knows its own changes; the plain local offset does not, and the system is asked instead."""
    return hasattr(now.tzinfo, "key")
