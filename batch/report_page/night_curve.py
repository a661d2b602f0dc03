"""Makes curves of what happened when: how much was at fal, done, failed and spent over a night. Pure.

Times are seconds since 1970.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

PAUSE = 3 * 3600.0
"""So long without anything happening, and what comes then is another night."""
POINTS = 240
"""Moments that a curve is drawn through at most."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one change of a row adds to the curves."""

    at: float
    at_fal: int = 0
    done: int = 0
    failed: int = 0
    spent: float = 0.0


@dataclass(frozen=True, slots=True)
class StopMark:
    """Where a run ended before its work did."""

    at: float
    why: str


@dataclass(frozen=True, slots=True)
class Moment:
    """How it stood; `done`, `failed` and `spent` since the night began."""

    at: float
    running: int
    waiting: int
    done: int
    failed: int
    spent: float


@dataclass(slots=True)
class Night:
    """A stretch of time in which something was going on."""

    began: float
    ended: float
    at_fal_before: int = 0
    steps: list[Step] = field(default_factory=list)
    samples: list[tuple[float, int, int]] = field(default_factory=list)
    """When how many requests were running and waiting at fal, where a run has written that down."""
    stops: list[StopMark] = field(default_factory=list)
    runs: int = 0

    @property
    def done(self) -> int:
        return sum(step.done for step in self.steps)

    @property
    def failed(self) -> int:
        return sum(step.failed for step in self.steps)

    @property
    def spent(self) -> float:
        return sum(step.spent for step in self.steps)


def step_of(at: float, old: str, new: str, cost: float) -> Step:
    """What a change from one state to another adds. A row that is bought again is no longer a failed one."""
    return Step(
        at=at,
        at_fal=(new == "submitted") - (old == "submitted"),
        done=(new == "succeeded") - (old == "succeeded"),
        failed=(new == "failed") - (old == "failed"),
        spent=cost,
    )


def nights_of(steps: Iterable[Step]) -> list[Night]:
    """The steps, which are in the order of their times, in the nights that they belong to."""
    nights: list[Night] = []
    at_fal = 0
    for step in steps:
        if not nights or step.at - nights[-1].ended > PAUSE:
            nights.append(Night(step.at, step.at, at_fal))
        nights[-1].steps.append(step)
        nights[-1].ended = max(nights[-1].ended, step.at)
        at_fal += step.at_fal
    return nights


def moments(night: Night) -> list[Moment]:
    """The curves of a night, at evenly spaced moments that include both of its ends."""
    length = night.ended - night.began
    count = min(POINTS, max(2, 2 * len(night.steps)))
    times = [night.began + length * n / (count - 1) for n in range(count - 1)] if length > 0 else []
    return list(_moments(night, [*times, night.ended]))


def _moments(night: Night, times: Sequence[float]) -> Iterator[Moment]:
    steps = sorted(night.steps, key=lambda step: step.at)
    sampled = [at for at, _, _ in night.samples]
    at_fal, done, failed, spent, n = night.at_fal_before, 0, 0, 0.0, 0
    for at in times:
        while n < len(steps) and steps[n].at <= at + 1e-6:
            step = steps[n]
            at_fal, done, failed, spent = (
                at_fal + step.at_fal,
                done + step.done,
                failed + step.failed,
                spent + step.spent,
            )
            n += 1
        here = max(at_fal, 0)
        known = bisect_right(sampled, at) - 1
        running = min(here, night.samples[known][1]) if known >= 0 else here
        yield Moment(at, running, here - running, max(done, 0), max(failed, 0), spent)
