"""Tells when the night, day or month begins and ends that a cap of the account counts in. Pure."""

from collections.abc import Callable
from datetime import datetime, timedelta


def period_start(period: str, now: datetime) -> datetime:
    """When the period that holds `now` began, in the same time zone; a night is noon to noon."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    match period:
        case "night":
            noon = midnight.replace(hour=12)
            return noon if now >= noon else noon - timedelta(days=1)
        case "day":
            return midnight
        case "month":
            return midnight.replace(day=1)
        case _:
            raise ValueError(f"no such period: {period!r}")


def period_end(period: str, now: float, local: Callable[[float], datetime]) -> float:
    """When the period that holds `now` ends, both in seconds since 1970.

    Args:
        local: gives local time for seconds since 1970.
    """
    began = period_start(period, local(now)).timestamp()
    days = 31.5 if period == "month" else 1.5  # into the next one, whatever the clock is set to meanwhile
    return period_start(period, local(began + days * 86_400)).timestamp()
