"""Our requests at fal in the order they were sent: which of them run, and which wait for a slot.

Pure. fal's queue is first in, first out, so little has to be asked: a request that runs tells that all sent before it
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
class Watch:
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
    order: int = 0

    def begins_before(self, other: "Watch") -> bool:
        """Whether it has begun if the other one has."""
        return self is other or self.alive > 0 or self.joined <= other.sent

    def waited_long(self, now: float) -> bool:
        """Whether it has waited for longer than it runs: most likely for a slot, which another one has left since."""
        return self.started - self.joined > 2 * (now - self.started)

    def ran_with(self, other: "Watch") -> bool:
        """Whether it was seen alive when the other one had begun."""
        return self.alive > 0 and self.started + self.alive >= other.started

    def runs(self, now: float, *, surely: bool) -> bool:
        """Whether it has begun and cannot have ended yet, or most likely has not, by what is known of the run times."""
        return not self.queued and now - self.started <= max(self.alive, self.times.least(surely=surely))


class Line:
    """The unfinished requests; every method returns those of which something new is known, or to be asked."""

    def __init__(self) -> None:
        self.running: dict[Watch, None] = {}
        self.waiting: dict[Watch, None] = {}
        self.slots: int | None = None
        """How many are known to run at once, where that is known."""
        self._order = count()

    def __len__(self) -> int:
        return len(self.running) + len(self.waiting)

    @property
    def newest(self) -> Watch | None:
        """The request sent last; while any waits, this one does."""
        return next(reversed(self.waiting or self.running), None)

    def join(self, watch: Watch) -> None:
        """It was accepted: behind all others."""
        watch.order = next(self._order)
        watch.queued = bool(self.waiting) or (self.slots is not None and len(self.running) >= self.slots)
        (self.waiting if watch.queued else self.running)[watch] = None

    def seen_running(self, watch: Watch, now: float) -> list[Watch]:
        moved = self._begin_up_to(watch, now) if watch in self.waiting else []
        watch.alive, watch.suspected, watch.position = now - watch.started, False, None
        return moved

    def seen_waiting(self, watch: Watch, position: int | None, now: float) -> list[Watch]:
        """`position` counts the requests before it, anybody's."""
        # Of two sent at the same time nobody knows which is first in line: the other one is asked too.
        same = (each for each in reversed(self.running) if each.order < watch.order and not each.begins_before(watch))
        moved = self.suspect(each for each in islice(same, 1) if not each.asked)
        watch.suspected = False
        if watch.alive:  # its runner died: it waits again, behind the others
            self.running.pop(watch, None)
            watch.order = next(self._order)
            self._wait([watch])
        elif watch in self.running:
            behind = [each for each in self.running if each.order > watch.order and not each.alive]
            self._wait([watch, *behind])
            moved += behind
        watch.started, watch.position = now, position
        return moved + (self._placed(watch, position, now) if position is not None else [])

    def ended(self, watch: Watch, at: float) -> list[Watch]:
        """It ended about then; the first one in line has its slot."""
        if watch in self.waiting:
            moved = self._begin_up_to(watch, at)
            del self.running[watch]
            return [each for each in moved if each is not watch]
        if self.running.pop(watch, self) is self or not self.waiting:
            return []
        head = next(iter(self.waiting))
        self._begin([head], at)
        return [head]

    def leave(self, watch: Watch) -> None:
        """It is not watched any longer, whatever became of it."""
        self.running.pop(watch, None)
        self.waiting.pop(watch, None)

    def _begin_up_to(self, watch: Watch, now: float) -> list[Watch]:
        """Some time since each was last known to wait."""
        moved = [each for each in self.waiting if each.order <= watch.order]
        for each in moved:
            self._begin([each], (each.started + now) / 2)
        return moved

    def _begin(self, watches: Iterable[Watch], at: float) -> None:
        for each in watches:
            del self.waiting[each]
            each.queued, each.started, each.alive = False, max(at, each.started), 0.0
            self.running[each] = None

    def _placed(self, watch: Watch, position: int, now: float) -> list[Watch]:
        ahead = [each for each in self.waiting if each.order < watch.order]
        if position < len(ahead):
            begun = ahead[: len(ahead) - position]
            # As many have left their slots, unless slots were added: the oldest, most likely.
            ended = [each for each in self.running if now - each.started >= each.times.least(surely=True)][: len(begun)]
            news = self._begin_up_to(begun[-1], now) + self.suspect(ended)
        else:
            # More are before it than we know of. Somebody else's, or ours that have not begun: the first such one.
            unseen = (each for each in reversed(self.running) if each.order < watch.order and not each.alive)
            more = position - len(ahead)
            news = self.suspect(islice(unseen, more - 1, more)) if more else []
        for each in self.waiting:
            each.started = now
        return news

    @staticmethod
    def suspect(watches: Iterable[Watch]) -> list[Watch]:
        """They are to be asked."""
        found = list(watches)
        for each in found:
            each.suspected = True
        return found

    def _wait(self, watches: Iterable[Watch]) -> None:
        for each in watches:
            self.running.pop(each, None)
            each.queued, each.alive = True, 0.0
            self.waiting[each] = None
        self.waiting = dict.fromkeys(sorted(self.waiting, key=lambda each: each.order))
