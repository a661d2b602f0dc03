"""Tells why fewer run than did although some wait: a longer line, or fewer slots. Pure.

From beginnings and ends alone the two look alike until more at fal has been tried. So more is sent, at the pace at
which the slots would come free, and within what the wait can ask for. Where no request of others is before ours and
beginnings go on at a lower level, it is fewer slots; where others are, only when more at fal has changed nothing.
"""

from math import inf

from batch.pacing.estimate import Estimate
from batch.pacing.look import Look
from batch.pacing.running import Running

LEVEL = 0.05
"""What ran differs by no more than this share of the slots: it stays at that level."""
TRIED = 1.3
"""So many times as many at fal are enough to show whether more run for it."""


class Dip:
    """One such time, from the look that showed it."""

    def __init__(self, look: Look, running: Running, shortest_wait: float) -> None:
        self.wait_idle = inf
        """How long those waited that began last while slots were free: the wait that is not of our making."""
        self.trough = inf
        """The fewest that ran, on average over a trip."""
        self._since = look.now
        self._joined, self._at_fal, self._begun = look.in_flight.joined, len(look.in_flight), running.begun
        self._running = running
        self._shortest_wait = shortest_wait
        self._tried: tuple[int, int, float] | None = None
        """Begun so far, at fal and running when more was tried first, or paid last."""

    def looked(self, look: Look, mean: float, estimate: Estimate, shortest_wait: float) -> bool:
        """Whether there are fewer slots, which ends it: as many as run. `mean` is how many ran over the last trip."""
        self.trough, self._shortest_wait = min(self.trough, mean), shortest_wait
        if self._running.now < 0.9 * estimate.slots and look.begun:
            self.wait_idle = look.mean_wait
        turned = self._running.begun - self._begun >= estimate.slots / 4
        long = look.now - self._since > max(estimate.run, estimate.trip / 2)
        if not (turned and long and self._level(look.now, mean, estimate)):
            return False
        return not look.others_first or self._more_changed_nothing(look, mean, estimate)

    def _level(self, now: float, mean: float, estimate: Estimate) -> bool:
        """It stays as it is, and is not about to fill."""
        run, tolerance = estimate.run, LEVEL * estimate.slots
        before = self._running.mean(now - estimate.trip - run / 2, now - run / 2)
        return abs(mean - before) <= tolerance and self._running.mean(now - run / 4, now) <= mean + tolerance

    def _more_changed_nothing(self, look: Look, mean: float, estimate: Estimate) -> bool:
        begun, at_fal = self._running.begun, len(look.in_flight)
        if self._tried is None:
            self._tried = (begun, at_fal, mean)
        since, before, ran = self._tried
        if begun <= since + estimate.slots / 4 or at_fal <= TRIED * before:
            return False
        if mean > 1.1 * ran:
            self._tried = (begun, at_fal, mean)
            return False
        estimate.wait = max(estimate.wait, (before / max(mean, 1.0) - 1) * estimate.run)
        return True

    def size(self, look: Look, estimate: Estimate) -> float:
        """How many to have at fal meanwhile."""
        wait = max(look.age, self._shortest_wait)
        bound = estimate.slots * (1 + wait / estimate.run) + max(1.0, 0.15 * estimate.slots)
        if not look.others_first and self._running.begun > self._begun:
            bound = min(bound, TRIED * self._at_fal)
        gone = look.in_flight.joined - len(look.in_flight)
        return min(bound, self._joined + (look.now - self._since) * estimate.slots / estimate.run - gone)
