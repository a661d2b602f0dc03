"""Admits every POST: pauses while fal cannot be reached, and goes on with one careful probe.

The first row goes through alone, and so does the first one after a pause: a wrong key or a dead network is
found out with one row, not with five hundred.
"""

from collections.abc import Callable
from dataclasses import dataclass

import anyio
from anyio import current_time

from batch.core.retry import Retry, backoff
from batch.dispatch.transitions import Pause, SubmitOutcome

PAUSES = Retry(base=1.0, ceiling=60.0)


@dataclass(frozen=True, slots=True)
class Admitted:
    """One POST that was let through; the probe is the one that goes alone."""

    probe: bool


class Admission:
    """Admission to submitting. `notice` says what is being waited for, empty where nothing is."""

    def __init__(self, rand: Callable[[], float]) -> None:
        self._rand = rand
        self._careful = True
        self._probing = False
        self._troubles = 0
        self._shut_until = float("-inf")
        self._moved = anyio.Event()
        self.closed = False
        self.notice = ""

    async def enter(self) -> Admitted | None:
        """Waits for admission; None when nothing will be admitted any more. Whoever is admitted leaves again."""
        while not self.closed:
            if current_time() < self._shut_until:
                with anyio.CancelScope(deadline=self._shut_until):
                    await self._moved.wait()
            elif self._careful and self._probing:
                await self._moved.wait()
            else:
                self._probing = self._careful
                return Admitted(probe=self._careful)
        return None

    def leave(self, admitted: Admitted, outcome: SubmitOutcome | None) -> None:
        """What came of it; None where nothing was tried after all.

        One that was admitted before a pause and comes back during it lets nobody in beside the probe.
        """
        if admitted.probe:
            self._probing = False
        if outcome is not None:
            if outcome.pause:
                self._pause(outcome.pause)
            if outcome.stop:
                self.closed = True
            if outcome.reached:
                self._careful, self._troubles, self.notice = False, 0, ""
        self._stir()

    def close(self) -> None:
        self.closed = True
        self._stir()

    def _pause(self, pause: Pause) -> None:
        own = backoff(PAUSES, self._troubles + 1, self._rand)
        seconds = own if pause.seconds is None else pause.seconds
        self._careful = True
        self._troubles += 1
        self._shut_until = max(self._shut_until, current_time() + seconds)
        self.notice = f"{pause.reason}; next try in {seconds:.0f} s"

    def _stir(self) -> None:
        self._moved.set()
        self._moved = anyio.Event()
