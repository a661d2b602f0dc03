"""When to ask for a request's state: arithmetic over what is known of the run times.

Nothing is known at first but the job's word. Then the requests of one kind explore together: each one seen
alive at some age spares the others that question, so a whole wave asks about as often as one request alone.
The first end found tells all. From then on questions start where requests tend to end, a few per cent of a
run time apart, and thin out behind that.

Times are seconds on the caller's clock.
"""

from bisect import insort
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

FIRST = 0.5
"""Age of the first question while nothing is known."""
FINEST = 0.25
"""Smallest gap between two questions about one request."""
GRAIN = 0.025
"""Gap between questions around the likely end, as a share of the run time."""
QUESTIONS = 5
"""How many questions are spread over the range in which requests tend to end."""
SAMPLES = 200
"""How many ends are remembered: enough for quantiles, few enough to follow a night's drift."""


@dataclass(slots=True)
class Watch:
    """What is known of one request: since when it may be running, and its age when it was last seen alive."""

    started: float
    alive: float = 0.0
    asked: int = 0
    queued: bool = False
    resumed: bool = False
    """Taken over from an earlier run, so that its end may lie anywhere since."""


@dataclass(slots=True)
class RunTimes:
    """The run times of one kind of request, as learnt so far.

    Args:
        typical: the job's word; it bounds the gaps while nothing better is known.
        rand: gives numbers from 0 to 1; keeps the questions out of step.
    """

    typical: float
    rand: Callable[[], float]
    watched: int = 0
    """How many requests of this kind are being watched now."""
    _reached: float = 0.0
    _asked: int = 0
    _recent: deque[float] = field(default_factory=deque)
    _sorted: list[float] = field(default_factory=list)

    @property
    def known(self) -> bool:
        return bool(self._sorted)

    def quantile(self, share: float) -> float:
        return self._sorted[min(len(self._sorted) - 1, int(share * len(self._sorted)))]

    def next(self, watch: Watch, now: float) -> float:
        """When to ask about a request next; never earlier than now."""
        age = now - watch.started
        if not self.known:
            return max(now, watch.started + self._explore(watch))
        if watch.queued:
            return now + max(FINEST, self.quantile(0.5) / 8) * self._jitter()
        first = self.quantile(0.05)
        if age < first and watch.alive < first:
            return watch.started + first + self._gap(watch.alive) * self.rand()
        return now + self._gap(watch.alive) * self._jitter()

    def _explore(self, watch: Watch) -> float:
        """The age of the next question: a little beyond what any request of this kind was seen to reach."""
        reached = max(watch.alive, self._reached)
        if not reached:
            return FIRST
        growth = 1.08 + 0.5 / max(1, self.watched)
        # Whoever has asked less often goes first, so that one slow request cannot keep the others silent.
        turn = min(2.0, max(0.5, 1.0 + watch.asked - self._asked / max(1, self.watched)))
        return min(max(FIRST, reached * float(growth**turn)), reached + max(FIRST, self.typical / 10))

    def asking(self, watch: Watch, now: float) -> None:
        """A question about it leaves now: until the answer is there, others need not ask at this age."""
        watch.asked += 1
        self._asked += 1
        self._reached = max(self._reached, now - watch.started)

    def _gap(self, alive: float) -> float:
        middle, late = self.quantile(0.5), self.quantile(0.95)
        finest = max(FINEST, GRAIN * middle)
        if alive <= late * 1.1:
            return max(finest, (late - max(alive, self.quantile(0.05))) / QUESTIONS)
        return max(finest, (alive - late) / 3)  # one that runs far over its time is asked after less and less

    def _jitter(self) -> float:
        return 0.85 + 0.3 * self.rand()

    def seen_queued(self, watch: Watch, now: float) -> None:
        """It was still waiting at `now`: its run has not begun."""
        watch.started, watch.alive, watch.queued = now, 0.0, True

    def seen_running(self, watch: Watch, now: float) -> None:
        if watch.queued:  # it began at some time between the two questions
            watch.started, watch.queued = (watch.started + now) / 2, False
        watch.alive = now - watch.started

    def seen_done(self, watch: Watch, now: float) -> None:
        """It ended between the last time it was seen alive and now."""
        age = now - watch.started
        if watch.queued or (watch.resumed and not watch.alive):
            return  # when it began, or when it ended, is anybody's guess
        self._remember((watch.alive + age) / 2)

    def _remember(self, seconds: float) -> None:
        insort(self._sorted, seconds)
        self._recent.append(seconds)
        if len(self._recent) > SAMPLES:
            self._sorted.remove(self._recent.popleft())
