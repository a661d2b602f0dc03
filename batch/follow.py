"""One request followed to its end: asked rarely, in step with what is known of the run times.

A failed question is never a failed row: whatever the answers are, the request is asked after again.
"""

from collections.abc import Callable
from typing import Protocol

import anyio
from anyio import current_time

from batch import answers as a
from batch.policy import Retry, backoff
from batch.polling import RunTimes, Watch
from batch.states import Receipt

ASK_AGAIN = Retry(base=1.0, ceiling=30.0)
HEARD_TIMES = 3
BELIEVED_SECONDS = 60.0
"""How often, and for how long, an answer that may be a passing fault of the service has to be heard to be believed."""
HEARD_SECONDS = 600.0
"""How long nothing but 404, or nothing but refusals of the account, has to be heard about one request."""

End = a.Video | a.Broke | a.Gone | a.Unclear
"""`Gone`: fal has said 404 for long; `Unclear`: the account is refused, the next run may ask again."""


class Asked(Protocol):
    """The questions about a request."""

    async def poll(self, receipt: Receipt) -> a.Polled: ...
    async def collect(self, receipt: Receipt, finished: a.Finished) -> a.Collected: ...


class Follower:
    """Follows requests; those of one kind take about equally long and learn from each other."""

    def __init__(self, service: Asked, typical_seconds: float, rand: Callable[[], float]) -> None:
        self._service = service
        self._typical = typical_seconds
        self._rand = rand
        self._kinds: dict[str, RunTimes] = {}
        self._learnt = anyio.Event()

    async def end(self, receipt: Receipt, kind: str, age: float, *, resumed: bool) -> End:
        """Waits for a request that was accepted `age` seconds ago."""
        times = self._kinds.setdefault(kind, RunTimes(self._typical, self._rand))
        watch = Watch(started=current_time() - age, resumed=resumed)
        times.watched += 1
        try:
            finished = await self._finish(receipt, times, watch)
            if isinstance(finished, a.Finished):
                return await self._collect(receipt, finished)
            return finished
        finally:
            times.watched -= 1

    def longest(self) -> float:
        """Seconds that a request submitted now will take at most, by what is known."""
        return max((times.quantile(0.95) for times in self._kinds.values() if times.known), default=self._typical)

    async def _finish(self, receipt: Receipt, times: RunTimes, watch: Watch) -> a.Finished | a.Gone | a.Unclear:
        doubts = _Doubts(self._rand)
        due = current_time() + self._rand() if watch.resumed else times.next(watch, current_time())
        while True:
            await self._until(due, times, watch)
            times.asking(watch, current_time())
            answer = await self._service.poll(receipt)
            match answer:
                case a.Finished():
                    self._learn(times, watch)
                    return answer
                case a.Waiting(running=False):
                    times.seen_queued(watch, current_time())
                case a.Waiting():
                    times.seen_running(watch, current_time())
                case a.Gone() | a.Unclear():
                    if doubts.last(answer):
                        return answer
            pause = doubts.pause(answer)
            due = times.next(watch, current_time()) if pause is None else current_time() + pause

    async def _until(self, due: float, times: RunTimes, watch: Watch) -> None:
        """Sleeps; sooner awake when the first end is found, later where others asked at this age meanwhile."""
        while current_time() < due:
            unknown, learnt = not times.known, self._learnt
            with anyio.CancelScope(deadline=due):  # not "after due - now": rounded, that may end before it is due
                await learnt.wait()
            if unknown and not watch.resumed:
                due = max(due, times.next(watch, current_time())) if not times.known else self._at_once(times, watch)

    def _at_once(self, times: RunTimes, watch: Watch) -> float:
        """The first end was just found: whatever is as old may have ended too; not all in the same instant."""
        now = current_time()
        soon = now + 0.1 * self._rand()
        return soon if now - watch.started >= times.quantile(0.0) else times.next(watch, now)

    def _learn(self, times: RunTimes, watch: Watch) -> None:
        known = times.known
        times.seen_done(watch, current_time())
        if times.known and not known:
            self._learnt.set()
            self._learnt = anyio.Event()

    async def _collect(self, receipt: Receipt, finished: a.Finished) -> End:
        doubts = _Doubts(self._rand)
        while True:
            answer = await self._service.collect(receipt, finished)
            match answer:
                case a.Video() | a.Broke(sure=True):
                    return answer
                case a.Broke() if doubts.believed(answer):
                    return answer
                case a.Gone() | a.Unclear() if doubts.last(answer):
                    return answer
                case _:
                    await anyio.sleep(doubts.pause(answer) or ASK_AGAIN.base)


class _Doubts:
    """Answers in a row that do not settle anything."""

    def __init__(self, rand: Callable[[], float]) -> None:
        self._rand = rand
        self._same: object = None
        self._times = 0
        self._total = 0
        self._since = 0.0

    def believed(self, answer: a.Broke) -> bool:
        """Whether this has been the answer often and long enough."""
        heard = (answer.kind, answer.status)
        if self._same != heard:
            self._same, self._times, self._since = heard, 0, current_time()
        self._times += 1
        return self._times >= HEARD_TIMES and current_time() - self._since >= BELIEVED_SECONDS

    def last(self, answer: a.Gone | a.Unclear) -> bool:
        """Whether this kind of answer has been all there was for so long that asking again is idle."""
        if isinstance(answer, a.Unclear) and not answer.account:
            self._same = None
            return False
        kind = type(answer)
        if self._same is not kind:
            self._same, self._since = kind, current_time()
        return current_time() - self._since >= HEARD_SECONDS

    def pause(self, answer: object) -> float | None:
        """Seconds before the next question, None where the answer was a plain one."""
        if isinstance(answer, a.Waiting):
            self._total, self._same = 0, None
            return None
        self._total += 1
        return backoff(ASK_AGAIN, self._total, self._rand)
