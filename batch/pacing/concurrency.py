"""Decides how many requests may be unfinished at fal at once: the concurrency limit. Pure.

Either as told, or learnt. What runs at once is not all: where a request waits before it runs though slots are free
(a line of other people's requests, a runner that has to start), slots stay busy only while slots x (1 + wait / run)
requests are at fal. One request cannot tell whether it waits for our own slots or for something else; whether more
requests at fal mean more that run can. So the limit follows what runs: first the slots are counted (`slot_count.py`),
then they are kept busy (`steady_limit.py`).

A wait is the service's own only if it ended while a slot was free: in a full account every wait is as long as our own
queue makes it, whatever we send.
"""

from collections.abc import Callable
from math import inf

from batch.pacing.estimate import Estimate
from batch.pacing.in_flight import InFlight
from batch.pacing.look import Look
from batch.pacing.running import Running
from batch.pacing.slot_count import SlotCount
from batch.pacing.steady_limit import SteadyLimit

LATE, LATE_OVERTAKEN, LATE_BEHIND_OTHERS = 1.03, 1.35, 1.5
"""The first in line is late after so many times the wait: where ours overtake it, and behind others."""


class ConcurrencyLimit:
    """How many at once, as told or as learnt. Times are seconds on the caller's clock.

    Args:
        told: fixed, where somebody said so.
        most: never more than these.
        typical: seconds that a request runs, while no end is known.
        before: how many ran at once in an earlier run, where that is known: the counting begins with half of them.
        left: how many rows have not ended yet.
    """

    def __init__(
        self,
        in_flight: InFlight,
        told: int | None,
        most: int,
        *,
        typical: float,
        before: int | None = None,
        left: Callable[[], int],
    ) -> None:
        self.told = told
        self.share: int | None = None
        """What other runs of the account leave, where somebody says so; not where a number was told."""
        self.estimate = Estimate(typical)
        self._in_flight = in_flight
        self._most = most
        self._running = Running(in_flight)
        self._count = SlotCount(self.estimate, self._running, left, first=(before or 0) / 2)
        self._steady: SteadyLimit | None = None
        self._first: float | None = None
        self._overtaken = False

    @property
    def size(self) -> int:
        if self.told is not None:
            return min(self.told, self._most)
        learnt = min(int((self._steady or self._count).size), self._most)
        return max(1, learnt if self.share is None else min(learnt, self.share))

    @property
    def slots(self) -> float:
        """How many run at once, as far as is known."""
        return self.estimate.slots if self.told is None else self.told

    @property
    def counted(self) -> bool:
        """It is known how many slots there are."""
        return self._steady is not None

    @property
    def counting(self) -> bool:
        """Requests begin at once and nothing speaks against more slots: whether there are more is to be found out."""
        if self.told is not None or self.size >= self._most:
            return False
        more = self._steady is None or (not self._in_flight.waiting and self._running.now > 1.02 * self.slots + 0.5)
        return more and self.estimate.starts_at_once and self.estimate.slots > 0

    @property
    def calm(self) -> bool:
        """Little can change between two looks."""
        return self.told is not None or (self._steady is not None and self._steady.calm)

    def looked(self, now: float, pause: float, mean_run: float | None, *, overtaken: bool = False) -> None:
        """After each look at the front of the line.

        Args:
            pause: seconds since the look before.
            mean_run: seconds that a request runs, where that is known.
            overtaken: a request was seen to run though one before it waits.
        """
        self.estimate.mean_run = mean_run
        self._overtaken = self._overtaken or overtaken
        look = self._look(now, pause)
        if self.told is not None:
            self._running.forget(now)
            self._in_flight.wait_when_full = 0.0 if look.head else inf
        elif self._steady is not None:
            self._steady.looked(look)
            full = look.head and self._steady.full
            self._in_flight.wait_when_full = self.estimate.wait if full else inf
        elif self._count.looked(look, late=lambda: self._late(look)):
            self._steady = SteadyLimit(self.estimate, self._running, look)

    def late(self, now: float, pause: float) -> bool:
        """Whether the first in line should have begun by now if a slot was free."""
        return self._late(self._look(now, pause, taken=False))

    def _look(self, now: float, pause: float, *, taken: bool = True) -> Look:
        in_flight = self._in_flight
        begun = [each for each in in_flight.begun if not each.resumed] if taken else []
        if taken:
            in_flight.begun.clear()
        if self._first is None:
            self._first = in_flight.head.joined if in_flight.head else now
        return Look(now=now, pause=pause, first=self._first, begun=begun, head=in_flight.head, in_flight=in_flight)

    def _late(self, look: Look) -> bool:
        if look.head is None or self.told is not None:
            return False
        times = LATE_BEHIND_OTHERS if look.others_first else LATE_OVERTAKEN if self._overtaken else LATE
        return look.age > self.estimate.wait * times + look.margin(self.estimate.mean_run)
