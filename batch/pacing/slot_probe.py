"""The request sent last, asked about now and then: by whether it runs or waits, the account's slots are found out."""

from collections.abc import Callable

import anyio
from anyio import current_time

from batch.pacing.concurrency import Window
from batch.pacing.in_flight import Watch
from batch.pacing.poller import Follower

LOOK_SOONEST, LOOK_SOON = 0.01, 0.05
"""Seconds from an accepted submit to the question whether it runs or waits, while the slots are being counted: the
longer, until an account has shown that it begins requests at once."""
LOOK_SHARE = 0.06
"""The time between two such questions later, as a share of a run time."""
LOOK_UNKNOWN = 0.1
"""The same while no run time is known, as a share of the time that the run has taken so far."""


class Look:
    """Keeps the window in step with the line at fal."""

    def __init__(self, follower: Follower, window: Window) -> None:
        self._follower = follower
        self._window = window
        self._soonest, self._soon = LOOK_SOONEST, LOOK_SOON

    async def keep(self, full: Callable[[], bool], changed: Callable[[], None]) -> None:
        """Until cancelled.

        Args:
            full: whether rows wait for room in the window.
            changed: called after each answer, for the window may have another size.
        """
        began, pause, watch = current_time(), LOOK_SOON, None
        while True:
            await self._wait(pause, watch)
            size, suspects = self._window.size, []
            watch = self._window.question(watch, full=full())
            if watch is not None and await self._follower.look(watch):
                self._learn(watch)
                suspects = self._window.looked(watch, current_time())
                self._follower.ask(suspects)
                changed()
            again = suspects or self._window.size > size
            seldom = self._seldom(current_time() - began)
            pause = 2 * LOOK_SOON if again else max(LOOK_SOON, min(1.5 * pause, seldom))

    async def _wait(self, seconds: float, asked: Watch | None) -> None:
        """So long; while the slots are counted, no longer than until the room made by the last answer is taken."""
        line = self._follower.line
        with anyio.CancelScope(deadline=current_time() + seconds):
            while not (self._window.counting and line.newest is not asked and len(line) >= self._window.size):
                await self._follower.joined.wait()
            await anyio.sleep(self._soon)

    def _learn(self, watch: Watch) -> None:
        """How soon a request is worth asking about; on an account that is slow to begin one, not so soon again."""
        if watch.queued:
            self._soonest = self._soon = min(2 * self._soon, LOOK_SOON)
        else:
            self._soon = max(self._soonest, self._soon / 2)

    def _seldom(self, elapsed: float) -> float:
        """About as often as every second row, and not more often than anything can have changed.

        At every row where the window is told: the line may then be a long one, with more in it to be mistaken about.
        """
        typical = self._follower.typical()
        if typical is None:
            return LOOK_UNKNOWN * elapsed
        rows = 2 if self._window.told is None else 1
        return max(1.0, LOOK_SHARE * typical, rows * typical / self._window.slots)
