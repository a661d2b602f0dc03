"""The door that every POST passes: shut for a while when the service cannot be reached, and opened with care.

The first row goes through alone, and so does the first one after a pause: a wrong key or a dead network is
found out with one row, not with five hundred.
"""

from collections.abc import Callable

import anyio
from anyio import current_time

from batch.core import gateway as a
from batch.core.retry import Retry, backoff

PAUSES = Retry(base=1.0, ceiling=60.0)


class Door:
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

    async def enter(self) -> bool:
        """Waits for admission; False when nothing will be admitted any more. Every True is followed by `leave`."""
        while not self.closed:
            if current_time() < self._shut_until:
                with anyio.CancelScope(deadline=self._shut_until):
                    await self._moved.wait()
            elif self._careful and self._probing:
                await self._moved.wait()
            else:
                self._probing = self._careful
                return True
        return False

    def leave(self, answer: a.Submitted | None) -> None:
        """What came of it; None where nothing was tried after all."""
        self._probing = False
        match answer:
            case a.NotSent(reason):
                self._pause(backoff(PAUSES, self._troubles + 1, self._rand), f"fal cannot be reached ({reason})")
            case a.Throttled(after):
                pause = backoff(PAUSES, self._troubles + 1, self._rand)
                self._pause(pause if after is None else after, "fal asks for a pause (429)")
            case a.AccountStop():
                self.closed = True
            case a.Accepted() | a.Refused():
                self._careful, self._troubles, self.notice = False, 0, ""
            case _:
                pass  # a lost reply says nothing good: whoever is careful stays so
        self._stir()

    def upset(self, answer: a.NotSent) -> float:
        """Trouble met before the door (an upload that failed); seconds after which to come again."""
        if current_time() >= self._shut_until:
            self._pause(backoff(PAUSES, self._troubles + 1, self._rand), f"fal cannot be reached ({answer.reason})")
        return max(PAUSES.base, self._shut_until - current_time())

    def close(self) -> None:
        self.closed = True
        self._stir()

    def _pause(self, seconds: float, notice: str) -> None:
        self._careful = True
        self._troubles += 1
        self._shut_until = max(self._shut_until, current_time() + seconds)
        self.notice = f"{notice}; next try in {seconds:.0f} s"

    def _stir(self) -> None:
        self._moved.set()
        self._moved = anyio.Event()
