"""Shows a time of the near future or past as the clock on the wall does: 01:01, or with its day."""

from collections.abc import Callable
from datetime import datetime


def local(at: float) -> datetime:
    """Seconds since 1970 as this machine's clock shows them."""
    return datetime.fromtimestamp(at).astimezone()


def clock(at: float, now: float, local: Callable[[float], datetime] = local) -> str:
    """`01:01`, or `26 Nov 01:01` where that is another day. Times are seconds since 1970; rounded up to the minute."""
    shown = local(-(-at // 60) * 60)
    return shown.strftime("%H:%M" if shown.date() == local(now).date() else f"{shown.day} %b %H:%M")
