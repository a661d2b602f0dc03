"""Counts the slots at the start of a run: sends ever more, until no more begin. Pure.

Nothing has begun yet: what is sent grows with the time that has passed, up to a share of the rows, for neither the
slots nor the line are known; what is too much is worked off in that share of the night. Then some run, and nothing
speaks against more. Where the first in line is later than those before it were, and none begins, all slots are taken.
"""

from collections.abc import Callable

from batch.pacing.estimate import Estimate
from batch.pacing.look import Look
from batch.pacing.running import Running

GROWTH = 0.3
"""What may wait in front of those that run, as a share of them, where requests begin at once."""
BLIND_SHARE, BLIND_POWER, BLIND_PACE = 0.2, 0.6, 10.0
"""While nothing has begun: at most this share of the rows left, as the age of the first request to this power."""
FEW = 0.1
"""So small a share of those that were sent while nothing had begun says little of the others."""


class SlotCount:
    """Until the slots are counted; the estimate is brought up to date with each look.

    Args:
        left: how many rows have not ended yet.
        first: how many are sent at once to begin with, where so many ran before.
    """

    def __init__(self, estimate: Estimate, running: Running, left: Callable[[], int], first: float = 1.0) -> None:
        self.size = max(1.0, first)
        self._estimate = estimate
        self._running = running
        self._left = left
        self._at_first = 0
        """Requests at fal when the first one began."""
        self._rose = 0.0
        """When more were seen to run than ever before."""

    def looked(self, look: Look, *, late: Callable[[], bool]) -> bool:
        """Whether all slots are taken. `late` tells whether the first in line should have begun, were one free."""
        if not self._estimate.slots and not self._running.begun:
            self._blind(look)
            return False
        self._grow(look)
        if not late() or look.now - self._rose <= look.margin(self._estimate.mean_run) or self._too_soon:
            self.size = max(self.size, self._more())
            return False
        self._estimate.slots = max(1.0, self._estimate.slots if self._running.ended else self._running.now)
        if self._estimate.starts_at_once:
            self._estimate.wait = 0.0
        return True

    @property
    def _too_soon(self) -> bool:
        """Waits differ: the few that have begun, of many that were sent at once, may be those with the shortest. In a
        full account the next one begins when one has ended, and not before."""
        return self._running.begun < FEW * self._at_first and not self._running.ended

    def _blind(self, look: Look) -> None:
        if look.head is None:
            return
        age, share = look.now - look.head.joined, BLIND_SHARE * self._left()
        paced = max(BLIND_PACE * age**BLIND_POWER, share * (age / self._estimate.typical) ** BLIND_POWER)
        self.size = max(self.size, 2.0, min(share, paced))
        self._at_first = len(look.in_flight)

    def _grow(self, look: Look) -> None:
        running = self._running.now
        if self._running.ended:
            running = self._running.surely(look.now, self._estimate.mean_run)
        if running > 1.01 * self._estimate.slots:
            self._estimate.slots, self._rose = running, look.now
            if look.begun:
                self._estimate.wait = look.mean_wait

    def _more(self) -> float:
        slots = self._estimate.slots
        if self._estimate.starts_at_once:
            return slots + max(1.0, GROWTH * slots)
        size = self._running.now + max(self._at_first, slots)
        return (
            max(size, 2 * slots * (1 + self._estimate.wait / self._estimate.run)) if self._estimate.mean_run else size
        )
