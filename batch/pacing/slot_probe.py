"""Probes the front of our line at fal: who has begun last, and who is the first that waits."""

from collections.abc import Callable

import anyio
from anyio import current_time

from batch.pacing.concurrency import ConcurrencyLimit
from batch.pacing.in_flight import InFlightRequest
from batch.pacing.poller import Poller

PROBE_SOONEST, PROBE_SOON = 0.01, 0.05
"""Seconds from an accepted submit to the question whether it runs or waits, while the slots are being counted: the
longer where the last one was told to wait."""
PROBE_SHARE = 0.06
"""The time between two looks at the line, as a share of a run time; while none is known, of the oldest one's age."""
PROBE_ROWS = 0.7
"""Looks a row, at most: what can have changed since the last one is one request."""
CALM, CALM_WAITING = 2.0, 4.0
"""So many times as seldom in calm times; the second where requests wait though slots are free, for then the line is as
long as a wait, and what became of it is judged by what ran over a whole trip."""
PROBE_LEAST = 0.1
"""Seconds between two looks at least, however short the runs."""
UNTOLD = 300.0
"""Seconds between two looks at most, where fal does not tell how a request stands."""
FEW_SLOTS = 8
"""With so few, each end that is found is a reason to look who began."""
SETTLED = 16
"""The front is known well enough to a share of what is new."""


class SlotProbe:
    """Keeps the concurrency limit in step with the queue at fal."""

    def __init__(self, poller: Poller, limit: ConcurrencyLimit) -> None:
        self._poller = poller
        self._in_flight = poller.in_flight
        self._limit = limit
        self._newest_first = True
        """The request sent last ran when it was asked about last."""
        self._turn = False
        self._told = False
        """The last look told anything."""

    async def keep(self, changed: Callable[[], None]) -> None:
        """Until cancelled; `changed` is called after each look, for the limit may be another one."""
        self._in_flight.watched = True
        pause, looked = PROBE_SOON, current_time()
        while True:
            await self._wait(pause)
            since, looked = current_time() - looked, current_time()
            self._told = False
            begun, overtaken = await self._look(since)
            self._limit.looked(current_time(), since, self._poller.mean_run(), overtaken=overtaken)
            changed()
            if not self._told:
                pause = max(PROBE_SOON, min(3 * pause, UNTOLD))
            elif self._limit.counting and begun:
                pause = 2 * PROBE_SOON
            elif self._limit.counted:
                pause = self._seldom()
            else:
                pause = max(PROBE_SOON, min(1.5 * pause, self._seldom()))

    async def _wait(self, seconds: float) -> None:
        """So long; where the slots are being counted, no longer than until the room made by the last look is taken."""
        in_flight, limit = self._in_flight, self._limit
        newest = in_flight.newest
        while not in_flight.waiting:  # nothing is there to be looked at
            await self._poller.moved.wait()
        gone = in_flight.joined - len(in_flight)
        with anyio.CancelScope(deadline=current_time() + seconds):
            while True:
                if limit.counting and in_flight.newest is not newest and len(in_flight) >= limit.size:
                    await anyio.sleep(PROBE_SOONEST if self._newest_first else PROBE_SOON)
                    return
                if self._ends_tell and in_flight.joined - len(in_flight) > gone and in_flight.waiting:
                    return
                await self._poller.moved.wait()

    @property
    def _ends_tell(self) -> bool:
        return self._limit.slots < FEW_SLOTS and not self._limit.calm

    def _seldom(self) -> float:
        """About as often as anything can have changed."""
        run = self._poller.mean_run()
        if run is None:
            unfinished = (*self._in_flight.running, *self._in_flight.waiting)
            return PROBE_SHARE * (current_time() - min((each.accepted for each in unfinished), default=current_time()))
        few = self._limit.slots < FEW_SLOTS or self._limit.estimate.starts_at_once
        seldom = CALM if few else CALM_WAITING
        rows = PROBE_ROWS * seldom if self._limit.calm else PROBE_ROWS
        at_once = max(1.0, min(self._limit.slots, len(self._in_flight.running)))
        return max(PROBE_LEAST, PROBE_SHARE * run, rows * run / at_once)

    # One look

    async def _look(self, since: float) -> tuple[int, bool]:
        """Finds the front of the line: how many were found to have begun, and whether one was overtaken."""
        before, overtaken = self._ever_begun, False
        if not (self._newest_first and await self._newest_runs()) and await self._assumed_run():
            overtaken = await self._front(since)
        self._newest_first = not self._in_flight.waiting
        return self._ever_begun - before, overtaken

    @property
    def _ever_begun(self) -> int:
        return len(self._in_flight.running) + len(self._in_flight.runs)

    async def _newest_runs(self) -> bool:
        newest = self._in_flight.newest
        return newest is not None and await self._runs(newest)

    async def _assumed_run(self) -> bool:
        """Whether those run that were taken to have begun when others ended; in calm times that is nearly all."""
        unseen = next((each for each in reversed(self._in_flight.running) if not (each.ran or each.troubled)), None)
        if unseen is None:
            return True
        runs = await self._runs(unseen)
        self._turn = not self._turn
        return runs and (self._turn or not self._limit.calm)

    async def _runs(self, request: InFlightRequest) -> bool:
        """Whether it has begun, or ended; where that could not be learned, it has not."""
        told = await self._poller.look(request)
        self._told = self._told or told or request.suspected
        return request not in self._in_flight.waiting if told else request.suspected

    async def _front(self, since: float) -> bool:
        """The first one; if it runs, those ever further back, then between the last that runs and the first that waits.

        Requests that overtake others are come across by asking further back where the first one is late: whether that
        was so.
        """
        head = self._in_flight.head
        if head is None:
            return False
        if not await self._runs(head):
            waiting = list(self._in_flight.waiting)
            late = self._limit.late(current_time(), since) and len(waiting) > 1
            return late and await self._runs(waiting[max(1, len(waiting) // 10)])
        step, begun = 1, 1
        while waiting := list(self._in_flight.waiting):
            if not await self._runs(waiting[min(step, len(waiting)) - 1]):
                break
            begun += min(step, len(waiting))
            step *= 2
        await self._between(step, begun)
        return False

    async def _between(self, step: int, begun: int) -> None:
        """The first that waits is among so many."""
        open_to = min(step, len(self._in_flight.waiting)) - 1
        while open_to > begun // SETTLED:
            waiting = list(self._in_flight.waiting)
            middle = min((open_to + 1) // 2, len(waiting)) - 1
            if middle < 0:
                return
            if await self._runs(waiting[middle]):
                begun += middle + 1
                open_to -= middle + 1
            else:
                open_to = middle
