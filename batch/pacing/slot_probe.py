"""Probes for the account's slots: asks whether the request sent last runs or waits."""

from collections.abc import Callable

import anyio
from anyio import current_time

from batch.pacing.concurrency import ConcurrencyLimit
from batch.pacing.in_flight import InFlightRequest
from batch.pacing.poller import Poller

PROBE_SOONEST, PROBE_SOON = 0.01, 0.05
"""Seconds from an accepted submit to the question whether it runs or waits, while the slots are being counted: the
longer, until an account has shown that it begins requests at once."""
PROBE_SHARE = 0.06
"""The time between two such questions later, as a share of a run time."""
PROBE_UNKNOWN = 0.1
"""The same while no run time is known, as a share of the time that the run has taken so far."""


class SlotProbe:
    """Keeps the concurrency limit in step with the queue at fal."""

    def __init__(self, poller: Poller, limit: ConcurrencyLimit) -> None:
        self._poller = poller
        self._limit = limit
        self._soonest, self._soon = PROBE_SOONEST, PROBE_SOON

    async def keep(self, full: Callable[[], bool], changed: Callable[[], None]) -> None:
        """Until cancelled.

        Args:
            full: whether rows wait for room.
            changed: called after each answer, for the limit may be another one.
        """
        began, pause, request = current_time(), PROBE_SOON, None
        while True:
            await self._wait(pause, request)
            size, suspects = self._limit.size, []
            request = self._limit.question(request, full=full())
            if request is not None and await self._poller.look(request):
                self._learn(request)
                suspects = self._limit.looked(request, current_time())
                self._poller.ask(suspects)
                changed()
            again = suspects or self._limit.size > size
            seldom = self._seldom(current_time() - began)
            pause = 2 * PROBE_SOON if again else max(PROBE_SOON, min(1.5 * pause, seldom))

    async def _wait(self, seconds: float, asked: InFlightRequest | None) -> None:
        """So long; while the slots are counted, no longer than until the room made by the last answer is taken."""
        in_flight = self._poller.in_flight
        with anyio.CancelScope(deadline=current_time() + seconds):
            while not (self._limit.counting and in_flight.newest is not asked and len(in_flight) >= self._limit.size):
                await self._poller.joined.wait()
            await anyio.sleep(self._soon)

    def _learn(self, request: InFlightRequest) -> None:
        """How soon a request is worth asking about; on an account that is slow to begin one, not so soon again."""
        if request.queued:
            self._soonest = self._soon = min(2 * self._soon, PROBE_SOON)
        else:
            self._soon = max(self._soonest, self._soon / 2)

    def _seldom(self, elapsed: float) -> float:
        """About as often as every second row, and not more often than anything can have changed.

        At every row where the limit is told: the line may then be a long one, with more in it to be mistaken about.
        """
        typical = self._poller.typical()
        if typical is None:
            return PROBE_UNKNOWN * elapsed
        rows = 2 if self._limit.told is None else 1
        return max(1.0, PROBE_SHARE * typical, rows * typical / self._limit.slots)
