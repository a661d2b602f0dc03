"""Says how long a row waits whose image could not be uploaded, and when that has an end. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, field

from batch.core.retry import Retry, backoff

TRY_AGAIN = Retry(base=5.0, ceiling=120.0)
BLAMED_TIMES, BLAMED_SECONDS = 5, 300.0
"""So often and so long an upload has to fail while others do not, for the image to be blamed."""
RECENT_SECONDS = 600.0
"""So long before it failed first another image was taken, where it is the only one that fails."""
WAITED_SECONDS = 3600.0
"""How long a row waits for its image in one run while fal answers."""


@dataclass(slots=True)
class _Wait:
    began: float
    last: float
    tries: int = 0
    blamed: int = 0
    seconds: float = 0.0
    """Of waiting while fal could be reached."""


@dataclass(frozen=True, slots=True)
class Again:
    """Try once more, so many seconds from now."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Blamed:
    """The image is to blame: others were uploaded meanwhile, time and again."""

    tries: int


@dataclass(frozen=True, slots=True)
class Left:
    """The next run tries again: this one has waited for long enough."""


@dataclass(slots=True)
class ImageWaits:
    """The rows that wait for their images. Times are seconds on the caller's clock.

    While fal cannot be reached at all they just wait; where nobody's image is taken, no image is to blame.
    """

    rand: Callable[[], float]
    notice: str = ""
    """What the last row that waits waits for."""
    _taken: float = float("-inf")
    _waits: dict[int, _Wait] = field(default_factory=dict)

    def prepared(self, row: int, now: float, *, uploaded: bool) -> None:
        """A row has what it needs; `uploaded` where an image was taken for it just now."""
        self._waits.pop(row, None)
        self._taken = now if uploaded else self._taken
        self.notice = self.notice if self._waits else ""

    def failed(self, row: int, now: float, reason: str, *, reached: bool) -> Again | Blamed | Left:
        """An upload has failed; `reached` where fal could be asked for anything since it failed last."""
        wait = self._waits.setdefault(row, _Wait(now, now))
        wait.tries += 1
        wait.seconds += now - wait.last if reached else 0.0
        wait.blamed += self._taken > wait.last or (len(self._waits) == 1 and self._taken > wait.began - RECENT_SECONDS)
        wait.last = now
        if wait.blamed >= BLAMED_TIMES and now - wait.began >= BLAMED_SECONDS:
            return self._over(row, Blamed(wait.tries))
        if wait.seconds >= WAITED_SECONDS:
            return self._over(row, Left())
        seconds = backoff(TRY_AGAIN, wait.tries, self.rand)
        self.notice = f"an image could not be uploaded ({reason}); next try in {seconds:.0f} s"
        return Again(seconds)

    def _over(self, row: int, end: Blamed | Left) -> Blamed | Left:
        del self._waits[row]
        self.notice = self.notice if self._waits else ""
        return end
