"""Tells when the night, day or month began that a cap of the account counts in. Pure."""

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
