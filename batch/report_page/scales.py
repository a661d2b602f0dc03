"""Chooses round numbers and times for the axes of a plot. Pure."""

from collections.abc import Callable
from datetime import datetime
from math import ceil, floor, log10

_TIME_STEPS = (
    *(1, 2, 5, 10, 15, 30),
    *(60, 120, 300, 600, 900, 1800),
    *(3600, 2 * 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86400, 2 * 86400, 7 * 86400),
)
"""Seconds between two marks."""


def round_steps(most: float, steps: int = 3, *, whole: bool = True) -> list[float]:
    """Numbers from 0 to the first round one that is not below `most`, about so many steps apart.

    Args:
        whole: no parts of 1, where things are counted.
    """
    if most < 1e-6:
        return [0.0, 1.0]
    rough = most / steps
    unit = 10.0 ** floor(log10(rough))
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= rough * 0.999)
    if whole:
        step = max(1.0, float(ceil(step)))
    return [step * n for n in range(max(1, ceil(most / step - 1e-9)) + 1)]


def time_step(length: float, most: int) -> int:
    """Seconds between two of at most so many marks over a time: a round number of seconds, minutes, hours or days."""
    return next((one for one in _TIME_STEPS if length / one <= most), 86400 * ceil(length / most / 86400))


def clock_marks(
    began: float, ended: float, local: Callable[[float], datetime], most: int = 4
) -> list[tuple[float, str]]:
    """Round times between two others, as the clock on the wall shows them. Times are seconds since 1970."""
    length = max(ended - began, 1.0)
    step = time_step(length, most)
    ahead = local(began).utcoffset()
    offset = ahead.total_seconds() if ahead else 0.0
    first = ceil((began + offset) / step) * step - offset
    marks = [first + step * n for n in range(int((ended - first) // step) + 1)]
    form = "%H:%M:%S" if step < 60 else "%H:%M" if step < 86400 else "%d %b"
    return [(at, local(at).strftime(form)) for at in marks]


def lasting(seconds: float) -> str:
    """`48 s`, `5 min 2 s`, `7 h 31 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest and minutes < 10 else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min" if minutes else f"{hours:,} h"
