"""Keeps our requests in flight in the order they were sent: which run, which wait. Pure.

fal's queue is first in, first out, so little has to be asked: a request that runs tells that all sent before it
have begun, one that waits tells the same of all behind it, its position tells how many wait before it, and each end
lets the first one in line begin. What was seen with our own eyes is never overruled by such reasoning; a line
that others share, or a request that lost its runner, is put right by the next answer.

Times are seconds on the caller's clock.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count, islice

from batch.pacing.poll_schedule import RunTimes


@dataclass(slots=True, eq=False)
class InFlightRequest:
    """What is known of one request: since when it may be running, and its age when it was last seen alive."""

    times: RunTimes
    started: float
    """When its run began, as far as is known; of one that waits, when it was last known to wait."""
    alive: float = 0.0
    asked: int = 0
    queued: bool = False
    position: int | None = None
    """How many requests were before it when it was last seen waiting, anybody's."""
    suspected: bool = False
    """It may wait though it was thought to run, or have ended: to be asked."""
    sent: float = 0.0
    """No later than its POST left; it was accepted by `joined`. Between the two its place in fal's line is open."""
    joined: float = 0.0
    resumed: bool = False
    """Taken over from an earlier run, so that its end may lie anywhere since."""
    accepted: float = 0.0
    """When fal took it; long before `joined` where an earlier run sent it."""
    ran: bool = False
    """It was seen running, whatever became of its runner since."""
    order: int = 0

    def begins_before(self, other: "InFlightRequest") -> bool:
        """Whether it has begun if the other one has."""
        return self is other or self.alive > 0 or self.joined <= other.sent

    def waited_long(self, now: float) -> bool:
        """Whether it has waited for longer than it runs: most likely for a slot, which another one has left since."""
        return self.started - self.joined > 2 * (now - self.started)

    def ran_with(self, other: "InFlightRequest") -> bool:
        """Whether it was seen alive when the other one had begun."""
        return self.alive > 0 and self.started + self.alive >= other.started

    def runs(self, now: float, *, surely: bool) -> bool:
        """Whether it has begun and cannot have ended yet, or most likely has not, by what is known of the run times."""
        return not self.queued and now - self.started <= max(self.alive, self.times.least(surely=surely))


class InFlight:
    """Our unfinished requests at fal; every method returns those of which something new is known, or to be asked."""

    def __init__(self) -> None:
        self.running: dict[InFlightRequest, None] = {}
        self.waiting: dict[InFlightRequest, None] = {}
        self.slots: int | None = None
        """How many are known to run at once, where that is known."""
        self._order = count()

    def __len__(self) -> int:
        return len(self.running) + len(self.waiting)

    @property
    def newest(self) -> InFlightRequest | None:
        """The request sent last; while any waits, this one does."""
        return next(reversed(self.waiting or self.running), None)

    @property
    def ahead(self) -> int:
        """How many requests of others are before ours that wait, by what the last of these to be told was told."""
        for behind, each in enumerate(reversed(self.waiting)):
            if each.position is not None:
                return max(0, each.position - (len(self.waiting) - 1 - behind))
        return 0

    def join(self, request: InFlightRequest) -> None:
        """It was accepted: behind all others."""
        request.order = next(self._order)
        request.queued = bool(self.waiting) or (self.slots is not None and len(self.running) >= self.slots)
        (self.waiting if request.queued else self.running)[request] = None

    def seen_running(self, request: InFlightRequest, now: float) -> list[InFlightRequest]:
        moved = self._begin_up_to(request, now) if request in self.waiting else []
        request.alive, request.suspected, request.position = now - request.started, False, None
        request.ran = True
        return moved

    def seen_waiting(self, request: InFlightRequest, position: int | None, now: float) -> list[InFlightRequest]:
        """`position` counts the requests before it, anybody's."""
        # Of two sent at the same time nobody knows which is first in line: the other one is asked too.
        same = (
            each for each in reversed(self.running) if each.order < request.order and not each.begins_before(request)
        )
        moved = self.suspect(each for each in islice(same, 1) if not each.asked)
        request.suspected = False
        if request.alive:  # its runner died: it waits again, behind the others
            self.running.pop(request, None)
            request.order = next(self._order)
            self._wait([request])
        elif request in self.running:
            behind = [each for each in self.running if each.order > request.order and not each.alive]
            self._wait([request, *behind])
            moved += behind
        request.started, request.position = now, position
        return moved + (self._placed(request, position, now) if position is not None else [])

    def ended(self, request: InFlightRequest, at: float) -> list[InFlightRequest]:
        """It ended about then; the first one in line has its slot."""
        if request in self.waiting:
            moved = self._begin_up_to(request, at)
            del self.running[request]
            return [each for each in moved if each is not request]
        if self.running.pop(request, self) is self or not self.waiting:
            return []
        head = next(iter(self.waiting))
        self._begin([head], at)
        return [head]

    def leave(self, request: InFlightRequest) -> None:
        """It is not polled any longer, whatever became of it."""
        self.running.pop(request, None)
        self.waiting.pop(request, None)

    def _begin_up_to(self, request: InFlightRequest, now: float) -> list[InFlightRequest]:
        """Some time since each was last known to wait."""
        moved = [each for each in self.waiting if each.order <= request.order]
        for each in moved:
            self._begin([each], (each.started + now) / 2)
        return moved

    def _begin(self, requests: Iterable[InFlightRequest], at: float) -> None:
        for each in requests:
            del self.waiting[each]
            each.queued, each.started, each.alive = False, max(at, each.started), 0.0
            self.running[each] = None

    def _placed(self, request: InFlightRequest, position: int, now: float) -> list[InFlightRequest]:
        ahead = [each for each in self.waiting if each.order < request.order]
        if position < len(ahead):
            begun = ahead[: len(ahead) - position]
            # As many have left their slots, unless slots were added: the oldest, most likely.
            ended = [each for each in self.running if now - each.started >= each.times.least(surely=True)][: len(begun)]
            news = self._begin_up_to(begun[-1], now) + self.suspect(ended)
        else:
            # More are before it than we know of. Somebody else's, or ours that have not begun: the first such one.
            unseen = (each for each in reversed(self.running) if each.order < request.order and not each.alive)
            more = position - len(ahead)
            news = self.suspect(islice(unseen, more - 1, more)) if more else []
        for each in self.waiting:
            each.started = now
        return news

    @staticmethod
    def suspect(requests: Iterable[InFlightRequest]) -> list[InFlightRequest]:
        """They are to be asked."""
        found = list(requests)
        for each in found:
            each.suspected = True
        return found

    def _wait(self, requests: Iterable[InFlightRequest]) -> None:
        for each in requests:
            self.running.pop(each, None)
            each.queued, each.alive = True, 0.0
            self.waiting[each] = None
        self.waiting = dict.fromkeys(sorted(self.waiting, key=lambda each: each.order))
