"""Tries whether fewer requests at fal keep all slots busy, or whether more make more run. Pure.

A line that has become shorter cannot be seen in a full account: what is sent just waits for a slot instead. Nor can
slots that were added behind a line. So once in a while a little less, or a little more, is sent for a trip. What does
not pay is taken back and tried ever more seldom; what pays is tried again, further.
"""

from dataclasses import dataclass

from batch.pacing.estimate import Estimate

LESS, MORE = 0.25, 1.25
"""So much less is sent, as a share of the slots; so many times as much."""
FIRST_GAP, LONGEST_GAP = 4.0, 32.0
"""How many trips lie between two trials of less: at first, and at most."""
PAID = 1.05
"""More run by this factor: sending more has paid."""


@dataclass(slots=True)
class Trial:
    """`less` requests or `factor` times as many, until `until`; `wait` and `slots` are what was believed before."""

    until: float
    wait: float
    slots: float
    less: float = 0.0
    factor: float = 1.0


class Trials:
    """All trials of a run, one at a time. Times are seconds on the caller's clock."""

    def __init__(self, now: float) -> None:
        self.now: Trial | None = None
        self._less, self._gap, self._tried_at = LESS, FIRST_GAP, now
        self._factor, self._more_gap, self._raised_at = MORE, 1.0, 0.0

    @property
    def of_more(self) -> bool:
        """One is under way that sends more."""
        return self.now is not None and self.now.factor > 1

    def needed(self, estimate: Estimate) -> float:
        trial = self.now
        return estimate.needed(factor=trial.factor, less=trial.less) if trial else estimate.needed()

    def more_is_due(self, now: float, trip: float) -> bool:
        return now - self._raised_at > self._more_gap * trip

    def less_is_due(self, now: float, trip: float) -> bool:
        return now - self._tried_at > self._gap * trip

    def begin_more(self, now: float, estimate: Estimate) -> None:
        until = now + estimate.trip + estimate.run / 2
        self.now = Trial(until, estimate.wait, estimate.slots, factor=self._factor)

    def begin_less(self, now: float, estimate: Estimate) -> None:
        less = min(self._less, estimate.wait / estimate.run) * estimate.slots
        self.now = Trial(now + estimate.trip + estimate.run, estimate.wait, estimate.slots, less=less)

    def end_if_due(self, now: float, mean: float, estimate: Estimate, *, full: bool) -> None:
        """`mean` is how many ran over the last trip; `full` whether no slot idled."""
        if self.now and now >= self.now.until:
            self.end(now, estimate, paid=mean > PAID * self.now.slots if self.now.factor > 1 else full)

    def end(self, now: float, estimate: Estimate, *, paid: bool) -> None:
        trial, self.now = self.now, None
        if trial is None:
            return
        if trial.factor > 1:
            self._raised_at = now
            self._factor = 1.5 * self._factor if paid else MORE
            self._more_gap = 0.0 if paid else min(max(1.0, 2 * self._more_gap), LONGEST_GAP)
            return
        self._tried_at = now
        estimate.wait = max(0.0, trial.wait - trial.less * estimate.run / estimate.slots) if paid else trial.wait
        self._less = 2 * self._less if paid else LESS
        self._gap = FIRST_GAP if paid else min(2 * self._gap, LONGEST_GAP)
