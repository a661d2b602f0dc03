"""The request sent last, asked about now and then: by whether it runs or waits, the account's slots are found out."""

from collections.abc import Callable

import anyio
from anyio import current_time

from batch.follow import Follower
from batch.window import Window

LOOK_SOON = 0.05
"""Seconds from an accepted submit to the question whether it runs or waits, while the slots are being counted."""
LOOK_SHARE = 0.04
"""The time between two such questions later, as a share of a run time."""
LOOK_UNKNOWN = 0.1
"""The same while no run time is known, as a share of the time that the run has taken so far."""


class Look:
    """Keeps the window in step with the line at fal."""

    def __init__(self, follower: Follower, window: Window) -> None:
        self._follower = follower
        self._window = window

    async def keep(self, full: Callable[[], bool], changed: Callable[[], None]) -> None:
        """Until cancelled.

        Args:
            full: whether rows wait for room in the window.
            changed: called after each answer, for the window may have another size.
        """
        began, pause, watch = current_time(), LOOK_SOON, None
        while True:
            with anyio.CancelScope(deadline=current_time() + pause):
                await anyio.sleep_forever()
            size, suspects = self._window.size, []
            watch = self._window.question(watch, full=full())
            if watch is not None and await self._follower.look(watch):
                suspects = self._window.looked(watch, current_time())
                self._follower.ask(suspects)
                changed()
            again = suspects or self._window.size > size
            seldom = self._seldom(current_time() - began)
            pause = 2 * LOOK_SOON if again else max(LOOK_SOON, min(1.5 * pause, seldom))

    def _seldom(self, elapsed: float) -> float:
        """About as often as every second row, and not more often than anything can have changed."""
        typical = self._follower.typical()
        if typical is None:
            return LOOK_UNKNOWN * elapsed
        return max(1.0, LOOK_SHARE * typical, 1.5 * typical / self._window.slots)
