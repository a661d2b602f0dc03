"""Tells when to ask about a request, by what is known of the run times. Pure.

Nothing is known at first but the job's word. Then the requests of one group explore together: each one seen
alive at some age spares the others that question, so a whole wave asks about as often as one request alone.
The first end found tells all. From then on a question is asked as soon as the wait for it, weighed with how likely
the end is by then, has grown to its price: seldom where few requests end, and often where most do.

Times are seconds on the caller's clock.
"""

from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

FIRST = 0.5
"""Age of the first question while nothing is known."""
FINEST = 0.25
"""Smallest gap between two questions about one request."""
FINE = 0.025
"""The same, as a share of the run time."""
PRICE = 0.03
"""What a question may cost in expected delay, as a share of the run time."""
SAMPLES = 200
"""How many ends are remembered: enough for quantiles, few enough to follow a night's drift."""
FIRST_ENOUGH, KNOWN_ENOUGH = 0.65, 0.25
"""How wide the time in which a request ended may be, as a share of its age, for its end to teach anything: after an
hour without network every request has ended "some time ago"."""
LINE_SECONDS, LINE_RUNS = 300.0, 6.0
"""A request that waits in line is itself asked no more often than this, in seconds and in run times: the line tells."""


class PolledRequest(Protocol):
    """What is known of one request; see `batch.pacing.in_flight`."""

    started: float
    alive: float
    asked: int

    @property
    def queued(self) -> bool: ...
    @property
    def suspected(self) -> bool: ...
    @property
    def untold(self) -> bool: ...
    @property
    def resumed(self) -> bool: ...


@dataclass(slots=True)
class RunTimes:
    """The run times of one group of requests, as learnt so far.

    Args:
        typical: the job's word; it bounds the gaps while nothing better is known.
        rand: gives numbers from 0 to 1; keeps the questions out of step.
    """

    typical: float
    rand: Callable[[], float]
    polled: int = 0
    """How many requests of this group are being polled now."""
    _reached: float = 0.0
    _alive: float = 0.0
    _asked: int = 0
    _told: bool = False
    """fal says how long each ran."""
    _recent: deque[float] = field(default_factory=deque)
    _sorted: list[float] = field(default_factory=list)

    @property
    def known(self) -> bool:
        return bool(self._sorted)

    @property
    def recent(self) -> tuple[int, float]:
        """How many of the late ends are remembered, and the seconds of all of them."""
        return len(self._sorted), sum(self._sorted)

    def quantile(self, share: float) -> float:
        return self._sorted[min(len(self._sorted) - 1, int(share * len(self._sorted)))]

    def least(self, *, surely: bool) -> float:
        """An age at which hardly any request has ended, or at which most have not."""
        if not self.known:  # right after the oldest was seen alive nothing has ended
            return self._alive + 2 * FIRST
        return 0.94 * self.quantile(0.05) if surely else self.quantile(0.5)

    def next(self, request: PolledRequest, now: float) -> float:
        """When to ask about a request next; never earlier than now."""
        if request.suspected or request.untold:
            return now
        if request.queued:
            return now + max(LINE_SECONDS, LINE_RUNS * self.quantile(0.5) if self.known else 0.0) * self._jitter()
        if not self.known:
            return max(now, request.started + self._explore(request))
        due = request.started + self._due(request.alive)
        return due if due > now else now + self._fine() * self._jitter()

    def _due(self, alive: float) -> float:
        """The age of the next question about a request that was seen alive at an age."""
        seen, last = bisect_right(self._sorted, alive), len(self._sorted)
        fine, late = self._fine(), self.quantile(0.95)
        if alive >= late:  # one that runs far over its time is asked after less and less
            return alive + max(fine, (alive - late) / 3) * self._jitter()
        price = PRICE * self.quantile(0.5) * (last - seen)
        at = bisect_left(range(seen, last), price, key=lambda n: (self._sorted[n] - alive) * (n + 1 - seen)) + seen
        due = min(self._sorted[min(at, last - 1)], late)
        # A little early: a request that is seen alive once and done soon after tells its run time exactly. Where fal
        # tells it and all take equally long, that question is spared.
        sure = self._told and self.quantile(0.95) - self.quantile(0.05) < fine
        due += fine * (0.2 * self.rand() if sure else -0.5 - 0.5 * self.rand())
        return max(due, alive + fine * self._jitter())

    def _explore(self, request: PolledRequest) -> float:
        """The age of the next question: a little beyond what any request of this group was seen to reach."""
        reached = max(request.alive, self._reached)
        if not reached:
            return FIRST
        growth = 1.08 + 0.5 / max(1, self.polled)
        # Whoever has asked less often goes first, so that one slow request cannot keep the others silent.
        turn = min(2.0, max(0.5, 1.0 + request.asked - self._asked / max(1, self.polled)))
        return min(max(FIRST, reached * float(growth**turn)), reached + max(FIRST, self.typical / 10))

    def asking(self, request: PolledRequest, now: float) -> None:
        """A question about it leaves now: until the answer is there, others need not ask at this age."""
        request.asked += 1
        self._asked += 1
        if not request.queued:
            self._reached = max(self._reached, now - request.started)

    def _fine(self) -> float:
        return max(FINEST, FINE * self.quantile(0.5))

    def _jitter(self) -> float:
        return 0.85 + 0.3 * self.rand()

    def seen_running(self, request: PolledRequest) -> None:
        self._alive = max(self._alive, request.alive)

    def seen_done(self, request: PolledRequest, now: float, seconds: float | None) -> float:
        """It ended between the last time it was seen alive and now: when, as well as can be told.

        Args:
            seconds: how long it ran by fal's word, where it gives one.
        """
        age = now - request.started
        if request.queued or (request.resumed and not request.alive):
            # When it began, or when it ended, is anybody's guess; a poor guess is better than none, if it is short.
            guess = seconds if seconds is not None else None if request.resumed else age / 2
            if not self.known and guess is not None:
                self._remember(guess)
            return now
        last_alive = self._last_alive(request, age)
        ran = (last_alive + age) / 2 if seconds is None else min(max(seconds, request.alive), age)
        self._told = seconds is not None and (self._told or not self.known)
        late = self.known and age - request.alive > KNOWN_ENOUGH * age and age > 1.1 * self.quantile(0.95)
        if seconds is not None or (not late and age - last_alive <= age * self._enough):
            self._remember(ran)
        elif self.known:  # nobody could ask in time: it ran for as long as the others, most likely
            ran = min(max(self.quantile(0.5), request.alive), age)
        return request.started + ran

    @property
    def _enough(self) -> float:
        return KNOWN_ENOUGH if self.known else FIRST_ENOUGH

    def _last_alive(self, request: PolledRequest, age: float) -> float:
        if self.known:  # done when asked at last: the question came too late, so the next ones come earlier
            return max(request.alive, age - 4 * self._fine())
        # Nobody ended before; what another was seen to reach is the best word on this one.
        return max(request.alive, self._alive if 0 < self._alive < age else age / 2)

    def _remember(self, seconds: float) -> None:
        insort(self._sorted, seconds)
        self._recent.append(seconds)
        if len(self._recent) > SAMPLES:
            self._sorted.remove(self._recent.popleft())
