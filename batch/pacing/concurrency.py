"""Decides how many requests may be unfinished at fal at once: the concurrency limit. Pure.

Either as told, or learnt: the account's slots are what runs while another request waits. A small reserve waits in
front of the slots, so that none is idle while an end is being found; more than that would only make stopping, budgets
and deadlines mean less. Until a request is seen to wait the limit grows by a fifth of what is known to run.
"""

from dataclasses import dataclass
from math import ceil

from batch.pacing.in_flight import InFlight, InFlightRequest

GROWTH, RESERVE = 0.2, 0.15
"""What may wait in front of the slots, as a share of them: while they are being counted, and later."""


@dataclass(slots=True)
class ConcurrencyLimit:
    """How many at once, as told or as learnt.

    Args:
        told: fixed, where somebody said so.
        most: never more than these.
    """

    in_flight: InFlight
    told: int | None
    most: int
    slots: int = 1
    """What the account is known to run at once."""
    growing: bool = True
    """Nothing waited when last looked at."""
    counted: bool = False
    """Something was seen to wait before: it is known how many slots there were."""

    @property
    def size(self) -> int:
        if self.told is not None:
            return min(self.told, self.most)
        reserve = int(self.slots * GROWTH) if self.growing else ceil(self.slots * RESERVE)
        return min(self.slots + max(1, reserve), self.most)

    @property
    def counting(self) -> bool:
        """Nobody knows yet how many slots there are, and it is to be found out."""
        return self.growing and self.size < self.most and self.told is None

    def question(self, last: InFlightRequest | None, *, full: bool) -> InFlightRequest | None:
        """Whom to ask next; None where no answer would tell anything.

        Args:
            last: who was asked last.
            full: whether rows wait for room.
        """
        if last is not None and last in self.in_flight.waiting and not last.position:
            return last  # first in line: if it begins before anything ends, it waited for a runner, not for a slot
        newest = self.in_flight.newest
        if newest is None:
            return None
        told = newest.asked if self.told is not None else newest.alive and not self.counting
        return newest if newest.queued or (full and not told) else None

    def looked(self, at: InFlightRequest, now: float) -> list[InFlightRequest]:
        """After each answer about the request that was sent last when it was asked about; gives whom to ask next.

        What may have ended unnoticed counts neither for nor against a slot, so a crowd of ends moves nothing.
        """
        self.growing = not self.in_flight.waiting
        self.counted = self.counted or not self.growing
        before = [each for each in self.in_flight.running if each.begins_before(at)]
        unsure = self._unsure(before, at, now)
        least = len(before) - len(unsure)
        if self.growing:
            self.slots = max(self.slots, least)
        else:
            self.slots = max(1, min(max(self.slots, least), self._most(at)))
        self.in_flight.slots = self.slots if self.counted else None
        return self._suspects(at, unsure, now) if self.growing else []

    def _unsure(self, before: list[InFlightRequest], at: InFlightRequest, now: float) -> list[InFlightRequest]:
        """Those that may have ended before it began. (In the beginning nothing has, whatever the run times are.)"""
        if not self.counted and not at.times.known:
            return []
        by_age = at.times.known or not at.waited_long(now)  # while no run time is known, a slot left tells more
        return [each for each in before if not (each.ran_with(at) or (by_age and each.runs(now, surely=self.counted)))]

    def _suspects(self, at: InFlightRequest, unsure: list[InFlightRequest], now: float) -> list[InFlightRequest]:
        """Whose answer may tell of another slot: of one sent at the same time only its own does."""
        found = [each for each in self.in_flight.running if not each.begins_before(at)]
        if not found and self.told is None and not at.waited_long(now):
            found = unsure
        return self.in_flight.suspect(found[:1])

    def _most(self, at: InFlightRequest) -> int:
        """As many as its position says wait before it, not all of them known to."""
        most = len(self.in_flight.running)
        if at.position is None:
            return most
        return max(1, min(most, most + len(self.in_flight.waiting) - 1 - at.position))
