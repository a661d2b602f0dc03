"""Keeps our requests in flight in the order they were sent: which run, which wait. Pure.

fal's queue is first in, first out, so little has to be asked: a request that runs tells that all sent before it
have begun, one that waits tells the same of all behind it, and its position tells how many wait before it. What was
seen with our own eyes is never overruled by such reasoning; a line that others share, or a request that lost its
runner, is put right by the next answer.

Times are seconds on the caller's clock.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count, islice
from math import inf

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
    untold: bool = False
    """Whoever looked at it last was told neither that it runs nor that it waits: to be asked."""
    troubled: bool = False
    """Its own questions are answered by no such thing either, and asked ever more seldom."""
    recalled: bool = False
    """fal was asked to take it back while it waited."""
    order: int = 0

    @property
    def waited(self) -> float:
        """Seconds from fal's queue to its run, or until it was last known to wait."""
        return self.started - self.accepted

    def begins_before(self, other: "InFlightRequest") -> bool:
        """Whether it has begun if the other one has."""
        return self is other or self.alive > 0 or self.joined <= other.sent


class InFlight:
    """Our unfinished requests at fal; every method returns those of which something new is known, or to be asked."""

    def __init__(self) -> None:
        self.running: dict[InFlightRequest, None] = {}
        self.waiting: dict[InFlightRequest, None] = {}
        self.watched = False
        """Somebody looks at the front of the line: until a request is told to have begun, it waits. Else it runs."""
        self.begun: list[InFlightRequest] = []
        """Those that were found to have begun; whoever reads them empties it."""
        self.runs: deque[tuple[float, float]] = deque()
        """When each request that has ended began and ended, in the order in which that was found."""
        self.wait_when_full = inf
        """Who has waited for longer waits for a slot only, which the next end gives; infinite where not known."""
        self.others: int | None = None
        """How many requests of others were in the line when one was accepted last; None where fal does not tell it."""
        self.joined = 0
        """How many were accepted, ever."""
        self._order = count()

    def __len__(self) -> int:
        return len(self.running) + len(self.waiting)

    @property
    def head(self) -> InFlightRequest | None:
        """The first of those that wait."""
        return next(iter(self.waiting), None)

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
        request.queued = self.watched or bool(self.waiting)
        self.joined += 1
        if request.position is not None:  # all of the line is before it, and of that so much is ours
            self.others = max(0, request.position - len(self.waiting))
        (self.waiting if request.queued else self.running)[request] = None
        if request.queued:
            self._put_in_order(request)

    def _put_in_order(self, last: InFlightRequest) -> None:
        """Replies to submits that overlapped come in any order: their positions tell who is before whom."""
        burst = [last]
        for each in islice(reversed(self.waiting), 1, None):
            if each.joined <= last.sent or each.position is None or last.position is None:
                break
            if each.position <= last.position:
                break
            burst.append(each)
        if len(burst) > 1:
            orders = sorted(each.order for each in burst)
            for each, order in zip((last, *reversed(burst[1:])), orders, strict=True):
                each.order = order
            self._sort()

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
        for each in self.waiting:
            if each.order >= request.order:
                each.started = now  # until now it has waited for sure
        request.position = position
        return moved + (self._placed(request, position) if position is not None else [])

    def ended(self, request: InFlightRequest, at: float) -> list[InFlightRequest]:
        """It ended about then; where all slots are taken, the first one in line has its slot, most likely."""
        ran = request in self.running
        moved = [] if ran else self._begin_up_to(request, at) if request in self.waiting else []
        if self.running.pop(request, self) is not self:
            self.runs.append((request.started, max(at, request.started)))
        head = self.head
        if ran and head and at - head.accepted >= self.wait_when_full:
            self._begin([head], at)
            self.begun.pop()  # nobody has seen it
            moved = [head]
        return [each for each in moved if each is not request]

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
            self.begun.append(each)

    def _placed(self, request: InFlightRequest, position: int) -> list[InFlightRequest]:
        """More may be before it than we know of: somebody else's, or ours that have not begun; the first one is asked.

        Fewer prove nothing: where slots are free and runners have to start, every one of them is at position 0.
        """
        more = position - sum(each.order < request.order for each in self.waiting)
        unseen = (each for each in reversed(self.running) if each.order < request.order and not each.alive)
        return self.suspect(islice(unseen, more - 1, more)) if more > 0 else []

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
        self._sort()

    def _sort(self) -> None:
        self.waiting = dict.fromkeys(sorted(self.waiting, key=lambda each: each.order))
