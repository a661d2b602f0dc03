"""Lays out the plots of a report as coordinates that a template draws: curves, bars, axes. Pure.

The unit is a pixel of a drawing that is `WIDTH` wide and `HEIGHT` high; y grows downwards.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from batch.core.money import MICROS
from batch.report_page.night_curve import Moment, Night, moments
from batch.report_page.scales import clock_marks, lasting, round_steps, time_step

WIDTH, HEIGHT = 360, 150
LEFT, RIGHT, TOP, BOTTOM = 44, 14, 12, 24
_BARS, _FEWEST = 12, 6
STOPS = 6
"""Stops that are marked in one plot."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A round value on an axis."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Curve:
    """A line, or what is under it where it is filled; `path` is SVG's `d`."""

    kind: str
    label: str
    path: str
    filled: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """One plot over the night. `says` tells it to who cannot see it."""

    title: str
    says: str
    curves: Sequence[Curve]
    across: Sequence[Mark]
    up: Sequence[Mark]
    stops: Sequence[Mark] = ()


@dataclass(frozen=True, slots=True)
class NightPlot:
    """The plots of a night, all over the same time."""

    title: str
    panels: Sequence[Panel]
    stops: Sequence[str]
    """When what stopped, in words."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a histogram; `label` says what it stands for."""

    x: float
    y: float
    width: float
    height: float
    label: str


@dataclass(frozen=True, slots=True)
class Bars:
    """A histogram."""

    title: str
    says: str
    bars: Sequence[Bar]
    across: Sequence[Mark]
    up: Sequence[Mark]


def plot_night(night: Night, local: Callable[[float], datetime]) -> NightPlot:
    """The night's plots: what was at fal, what came home, what it cost."""
    points = moments(night)
    title = f"{_day(local(night.began))} {local(night.began):%H:%M} – {_end(night, local)}"
    across = _Across(night.began, max(night.ended, night.began + 1.0))
    marks = [Mark(across.x(at), label) for at, label in clock_marks(across.began, across.ended, local)]
    stops = [Mark(across.x(stop.at), stop.why) for stop in night.stops[:STOPS]]
    panels = [_at_fal(points, across), _rows(points, across), _spent(points, across)]
    return NightPlot(
        title,
        [Panel(one.title, one.says, one.curves, marks, one.up, stops) for one in panels],
        [f"{local(stop.at):%H:%M}: {stop.why}" for stop in night.stops[:STOPS]],
    )


def plot_run_times(seconds: Sequence[float]) -> Bars | None:
    """How many rows took how long; None where there is nothing to show of so few."""
    if len(seconds) < 2:
        return None
    ordered = sorted(seconds)
    most = ordered[min(len(ordered) - 1, round(len(ordered) * 0.99))]  # one that waited a day flattens no other
    step = time_step(max(most - ordered[0], 1.0), _BARS)
    first = int(ordered[0] // step)
    counts = [0] * (int(most // step) - first + 1)
    for one in ordered:
        counts[min(int(one // step) - first, len(counts) - 1)] += 1
    up = round_steps(max(counts))
    width = (WIDTH - LEFT - RIGHT) / max(len(counts), _FEWEST)
    bars = [_bar(n, count, width, up[-1], step * (first + n), step) for n, count in enumerate(counts) if count]
    every = -(-len(counts) // 4)
    across = [Mark(round(LEFT + width * n, 1), lasting(step * (first + n))) for n in range(0, len(counts) + 1, every)]
    middle = ordered[len(ordered) // 2]
    says = f"{len(ordered):,} videos, from submit to video: half of them within {lasting(middle)}"
    return Bars("Time from submit to video", says, bars, across, _up(up, str_count))


def _bar(n: int, count: int, width: float, most: float, begins: float, step: float) -> Bar:
    y = _y(count, most)
    label = f"{count:,} took {lasting(begins)} to {lasting(begins + step)}"
    return Bar(
        round(LEFT + width * n + 0.75, 1), round(y, 1), round(width - 1.5, 1), round(HEIGHT - BOTTOM - y, 1), label
    )


@dataclass(frozen=True, slots=True)
class _Across:
    began: float
    ended: float

    def x(self, at: float) -> float:
        share = (at - self.began) / (self.ended - self.began)
        return round(LEFT + (WIDTH - LEFT - RIGHT) * min(max(share, 0.0), 1.0), 1)


def _at_fal(points: Sequence[Moment], across: _Across) -> Panel:
    most = max(point.running + point.waiting for point in points)
    up = round_steps(most)
    split = any(point.waiting for point in points)
    running = [(across.x(one.at), _y(one.running, up[-1])) for one in points]
    every = [(across.x(one.at), _y(one.running + one.waiting, up[-1])) for one in points]
    curves = [Curve("waiting", "waiting at fal", _area(every), filled=True)] if split else []
    curves.append(Curve("running", "running" if split else "at fal", _area(running), filled=True))
    return Panel("At fal", f"At most {most:,} requests at fal at once", curves, (), _up(up, str_count))


def _rows(points: Sequence[Moment], across: _Across) -> Panel:
    last = points[-1]
    up = round_steps(max(max(one.done, one.failed) for one in points))
    done = [(across.x(one.at), _y(one.done, up[-1])) for one in points]
    curves = [Curve("done", "done", _line(done))]
    if any(one.failed for one in points):
        curves.append(Curve("failed", "failed", _line([(across.x(one.at), _y(one.failed, up[-1])) for one in points])))
    return Panel("Rows", f"{last.done:,} rows done, {last.failed:,} failed", curves, (), _up(up, str_count))


def _spent(points: Sequence[Moment], across: _Across) -> Panel:
    most = max(one.spent for one in points) / MICROS
    up = round_steps(most, whole=False)
    line = [(across.x(one.at), _y(one.spent / MICROS, up[-1])) for one in points]
    form = "${:,.0f}" if up[1] >= 1 and all(one == int(one) for one in up) else "${:,.2f}"
    curves = [Curve("spent", "spent", _area(line), filled=True)]
    return Panel("Spent", f"${most:,.2f} spent", curves, (), _up(up, form.format))


def str_count(value: float) -> str:
    """`1,200`, and `12k` where it would be too long for an axis."""
    return f"{value / 1000:g}k" if value >= 10_000 else f"{value:,.0f}"


def _up(values: Sequence[float], text: Callable[[float], str]) -> list[Mark]:
    return [Mark(round(_y(value, values[-1]), 1), text(value)) for value in values]


def _y(value: float, most: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / most


def _line(points: Sequence[tuple[float, float]]) -> str:
    """In steps: between two changes nothing changes."""
    x, y = points[0]
    path = [f"M{x:g} {y:.1f}"]
    for x, now in points[1:]:
        path.append(f"H{x:g}" if abs(now - y) < 0.05 else f"H{x:g}V{now:.1f}")
        y = now
    return "".join(path)


def _area(points: Sequence[tuple[float, float]]) -> str:
    return f"{_line(points)}V{HEIGHT - BOTTOM}H{points[0][0]:g}Z"


def _day(at: datetime) -> str:
    return f"{at:%a} {at.day} {at:%b}"


def _end(night: Night, local: Callable[[float], datetime]) -> str:
    end = local(night.ended)
    return f"{end:%H:%M}" if end.date() == local(night.began).date() else f"{_day(end)} {end:%H:%M}"
