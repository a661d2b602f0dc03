"""Keeps known slots busy, and follows what becomes of them and of the wait before them. Pure.

Why it is stable: the wait grows by what began while slots were free, and by a line of others that is seen to grow; in
a full account neither happens, so a wait of our own making never asks for more. The slots grow by what ran over a whole
trip. What was too much is given back by trials, each of which costs less than a trip.
"""

from collections import deque
from math import inf

from batch.pacing.dip import Dip
from batch.pacing.estimate import Estimate
from batch.pacing.look import Look
from batch.pacing.running import Running
from batch.pacing.trials import Trials

FULL, IDLE = 0.98, 0.94
"""As a share of the slots: so many run where none idles; where fewer do, there is a dip."""
FEW = 5
"""With fewer slots an end that is found late is a larger share of them."""
OWN_QUEUE = 0.06
"""Where requests wait for less than this share of a run time for a slot, the reserve is no queue: there may be more."""
LEAST_SLOTS = 0.1
"""Where a runner takes long to start, one slot runs less than one request on average."""


class SteadyLimit:
    """From the look that counted the slots on; the estimate is brought up to date with each look."""

    def __init__(self, estimate: Estimate, running: Running, look: Look) -> None:
        self.size = estimate.needed()
        self._estimate = estimate
        self._running = running
        self._since = self._now = look.now
        self._others = look.others
        """How many requests of others were in the line when its length was learnt."""
        self._waits: deque[float] = deque(maxlen=16)
        """How long those waited that began last."""
        self._dip: Dip | None = None
        self._trials = Trials(look.now)

    @property
    def calm(self) -> bool:
        """Little can change between two looks. A trial of fewer requests is judged at its end, by a whole trip."""
        return not self._dip and not self._trials.of_more and self._now - self._since > 2 * self._estimate.trip

    @property
    def full(self) -> bool:
        """All slots are taken, as far as is known."""
        return not self._dip and self._running.now > IDLE * self._estimate.slots - 1

    def looked(self, look: Look) -> None:
        passed, self._now = look.now - self._now, look.now
        self._waits.extend(each.waited for each in look.begun)
        if look.head is None:  # all run: nothing speaks against more
            self._all_run(look.now)
            return
        estimate, mean = self._estimate, self._mean()
        self._follow(look, mean, passed)
        if self._idles(mean):
            self._idle(look, mean)
        elif self._dip:
            self._filled(self._dip, look)
        else:
            self._busy(look, mean)
        self.size = self._trials.needed(estimate)
        if self._dip:
            self.size = max(self.size, self._dip.size(look, estimate))

    def _idles(self, mean: float) -> bool:
        """Where requests begin at once, what ran a while ago is of no interest: an end found late looks like a gap."""
        estimate = self._estimate
        ran = max(mean, self._running.now) if estimate.starts_at_once else mean
        return ran < IDLE * estimate.slots - (0.1 if estimate.slots < FEW else 0)

    def _mean(self) -> float:
        """How many ran over the last trip; over less the waves after a burst would show."""
        run, trip, now = self._estimate.run, self._estimate.trip, self._now
        trip = min(trip, max(run / 4, now - self._since))
        mean = self._running.mean(now - trip, now)
        self._running.forget(now - 3 * self._estimate.trip)
        more = mean > self._estimate.slots + max(0.01 * self._estimate.slots, 0.25)
        if more and self._estimate.mean_run and now - self._since > trip:
            self._estimate.slots = mean
        return mean

    def _all_run(self, now: float) -> None:
        trial = self._trials.now
        self._trials.end(now, self._estimate, paid=bool(trial and now >= trial.until))
        self._mean()
        surely = self._running.surely(now, self._estimate.mean_run)
        self.size, self._dip = max(self._estimate.needed(), 1.2 * surely + 1), None

    def _follow(self, look: Look, mean: float, passed: float) -> None:
        estimate = self._estimate
        longer = look.others_first and look.others > 1.05 * self._others
        if mean < FULL * estimate.slots and not self._trials.now and longer:
            if self._running.now < 0.9 * estimate.slots and look.begun:
                estimate.wait = max(estimate.wait, min(self._waits))
            else:
                estimate.wait += 0.05 * passed
        elif not self._dip:  # the line is no longer than it was: what is seen to run is what the slots are
            trip = min(estimate.trip, max(estimate.run / 4, look.now - self._since))
            estimate.slots += (mean - estimate.slots) * min(1.0, passed / (4 * trip))

    def _idle(self, look: Look, mean: float) -> None:
        shortest = min(self._waits, default=0.0)
        if self._dip is None:
            self._trials.end(look.now, self._estimate, paid=False)
            self._dip = Dip(look, self._running, shortest)
        if self._dip.looked(look, mean, self._estimate, shortest):
            self._estimate.slots, self._dip = max(LEAST_SLOTS, mean), None

    def _filled(self, dip: Dip, look: Look) -> None:
        """The slots are busy again: what waited until they were, waited for no slot."""
        self._dip, estimate = None, self._estimate
        if dip.wait_idle < inf:
            most = inf if dip.trough < 0.8 * estimate.slots else estimate.wait + 0.03 * estimate.trip
            estimate.wait = max(estimate.wait, min(dip.wait_idle, most))
            self._others = max(self._others, look.others)

    def _busy(self, look: Look, mean: float) -> None:
        estimate, full = self._estimate, mean >= FULL * self._estimate.slots
        self._shorten(look)
        if estimate.starts_at_once:
            estimate.wait, self._trials.now = 0.0, None
        elif self._trials.now:
            self._trials.end_if_due(look.now, mean, estimate, full=full)
        elif full and len(look.in_flight) <= estimate.needed() + 1:  # what was too much is worked off
            if self._own_queue < OWN_QUEUE * estimate.run and self._trials.more_is_due(look.now, estimate.trip):
                self._trials.begin_more(look.now, estimate)
            elif self._trials.less_is_due(look.now, estimate.trip):
                self._trials.begin_less(look.now, estimate)

    def _shorten(self, look: Look) -> None:
        """The wait is no longer than what is seen; and where the line of others has lost half, it has too."""
        estimate = self._estimate
        if self._waits and not self._trials.now:
            estimate.wait = min(estimate.wait, sum(self._waits) / len(self._waits))
        if self._others > 1 and look.others < self._others / 2:
            estimate.wait *= look.others / self._others
            self._others = look.others

    @property
    def _own_queue(self) -> float:
        """Seconds that requests waited of late beyond the wait that is not of our making."""
        return sum(self._waits) / len(self._waits) - self._estimate.wait if self._waits else inf
