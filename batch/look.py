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
        began, pause = current_time(), LOOK_SOON
        while True:
            with anyio.CancelScope(deadline=current_time() + pause):
                await anyio.sleep_forever()
            if self._window.open_question(full=full()) and (at := await self._follower.look()):
                self._follower.ask(self._window.looked(at, current_time()))
                changed()
            seldom = self._seldom(current_time() - began)
            pause = LOOK_SOON if self._window.counting else max(LOOK_SOON, min(1.5 * pause, seldom))

    def _seldom(self, elapsed: float) -> float:
        """About as often as every second row, and not more often than anything can have changed."""
        typical = self._follower.typical()
        if typical is None:
            return LOOK_UNKNOWN * elapsed
        return max(1.0, LOOK_SHARE * typical, 1.5 * typical / self._window.slots)
