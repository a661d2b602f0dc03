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
FINE, COARSE = 0.025, 0.055
"""Least and greatest gap between questions around the likely end, as shares of the run time."""
QUESTIONS = 5
"""How many questions are spread over the range in which requests tend to end, if the gaps allow."""
SAMPLES = 200
"""How many ends are remembered: enough for quantiles, few enough to follow a night's drift."""
FIRST_ENOUGH, KNOWN_ENOUGH = 0.65, 0.25
"""How wide the time in which a request ended may be, as a share of its age, for its end to teach anything: after an
hour without network every request has ended "some time ago"."""


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
    _alive: float = 0.0
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
            return now + max(FINEST, self.quantile(0.5) / 5) * self._jitter()
        # A little early: a request that is seen alive once and done soon after tells its run time exactly.
        first = self.quantile(0.05) - self._fine() * (0.5 + 0.5 * self.rand())
        if age < first and watch.alive < first:
            return watch.started + first
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

    def _fine(self) -> float:
        return max(FINEST, FINE * self.quantile(0.5))

    def _gap(self, alive: float) -> float:
        early, late = self.quantile(0.05), self.quantile(0.95)
        coarse = max(FINEST, COARSE * self.quantile(0.5))
        if alive <= late * 1.05:
            return min(coarse, max(self._fine(), (late - max(alive, early)) / QUESTIONS))
        return max(coarse, (alive - late) / 3)  # one that runs far over its time is asked after less and less

    def _jitter(self) -> float:
        return 0.85 + 0.3 * self.rand()

    def seen_queued(self, watch: Watch, now: float) -> None:
        """It was still waiting at `now`: its run has not begun."""
        watch.started, watch.alive, watch.queued = now, 0.0, True

    def seen_running(self, watch: Watch, now: float) -> None:
        if watch.queued:  # it began at some time between the two questions
            watch.started, watch.queued = (watch.started + now) / 2, False
        watch.alive = now - watch.started
        self._alive = max(self._alive, watch.alive)

    def seen_done(self, watch: Watch, now: float) -> None:
        """It ended between the last time it was seen alive and now."""
        age = now - watch.started
        if watch.queued or (watch.resumed and not watch.alive):
            return  # when it began, or when it ended, is anybody's guess
        if self.known and not watch.alive and age > 1.1 * self.quantile(0.95):
            return  # nobody could ask in time
        # Done when first asked: the question came too late, so the next ones come earlier.
        if self.known:
            last_alive = watch.alive or age - 4 * self._fine()
        else:  # nobody ended before; what another was seen to reach is the best word on this one
            last_alive = max(watch.alive, self._alive if 0 < self._alive < age else age / 2)
        if age - last_alive <= age * (KNOWN_ENOUGH if self.known else FIRST_ENOUGH):
            self._remember((last_alive + age) / 2)

    def _remember(self, seconds: float) -> None:
        insort(self._sorted, seconds)
        self._recent.append(seconds)
        if len(self._recent) > SAMPLES:
            self._sorted.remove(self._recent.popleft())
