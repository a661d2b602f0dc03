"""One request followed to its end: asked rarely, in step with what is known of the run times and of the line.

A failed question is never a failed row: whatever the answers are, the request is asked after again.
"""

from collections.abc import Callable, Iterable

import anyio
from anyio import current_time

from batch.core.gateway import Finished, Gateway, NotFound, Receipt, RequestFailed, Unclear, Video, Waiting
from batch.core.retry import Retry, backoff
from batch.pacing.in_flight import Line, Watch
from batch.pacing.poll_schedule import RunTimes

ASK_AGAIN = Retry(base=0.5, ceiling=30.0)
HEARD_TIMES = 3
BELIEVED_SECONDS = 60.0
"""How often, and for how long, an answer that may be a passing fault of the service has to be heard to be believed."""
HEARD_SECONDS = 600.0
"""How long nothing but 404, nothing but refusals of the account, or no result has to be heard about one request."""

End = Video | RequestFailed | NotFound | Unclear
"""`NotFound`: fal has said 404 for long; `Unclear`: no result, or the account is refused; the next run asks again."""


class Follower:
    """Follows requests; those of one kind take about equally long and learn from each other."""

    def __init__(self, service: Gateway, typical_seconds: float, rand: Callable[[], float]) -> None:
        self.line = Line()
        self._service = service
        self._typical = typical_seconds
        self._rand = rand
        self._kinds: dict[str, RunTimes] = {}
        self._receipts: dict[Watch, Receipt] = {}
        self._news: dict[Watch, anyio.Event] = {}
        self.joined = anyio.Event()
        """Set, and made anew, whenever a request has been accepted."""

    async def end(
        self,
        receipt: Receipt,
        kind: str,
        age: float,
        *,
        resumed: bool,
        sent: float | None = None,
        freed: Callable[[], None] = lambda: None,
    ) -> End:
        """Waits for a request that was accepted `age` seconds ago.

        Args:
            sent: a time on anyio's clock when its POST had not left yet.
            freed: called as soon as the request has left fal's slots, before its result is fetched.
        """
        times = self._kinds.setdefault(kind, RunTimes(self._typical, self._rand))
        now = current_time()
        watch = Watch(times, now - age, sent=now if sent is None else sent, joined=now, resumed=resumed)
        self._receipts[watch], self._news[watch] = receipt, anyio.Event()
        self.line.join(watch)
        self.joined.set()
        self.joined = anyio.Event()
        times.watched += 1
        try:
            finished = await self._finish(receipt, watch)
        finally:
            times.watched -= 1
            self.line.leave(watch)
            del self._receipts[watch], self._news[watch]
        freed()
        return await self._collect(receipt, finished) if isinstance(finished, Finished) else finished

    def longest(self) -> float:
        """Seconds that a request submitted now will take at most, by what is known."""
        return max((times.quantile(0.95) for times in self._kinds.values() if times.known), default=self._typical)

    def typical(self) -> float | None:
        """Seconds that a request runs, by what is known; the kind with most requests under way says."""
        known = [times for times in self._kinds.values() if times.known]
        return max(known, key=lambda times: times.watched).quantile(0.5) if known else None

    async def look(self, watch: Watch) -> bool:
        """One question about a request out of its turn; whether the answer told if it runs or waits."""
        watch.times.asking(watch, current_time())
        answer = await self._service.poll(self._receipts[watch])
        if watch not in self._receipts:
            return False  # its own watch has heard the end meanwhile
        if isinstance(answer, Waiting):
            self._seen(watch, answer)
        elif isinstance(answer, Finished):
            watch.suspected = True
        self._tell([watch])
        return isinstance(answer, Waiting)

    def ask(self, suspects: Iterable[Watch]) -> None:
        """These are asked at once."""
        self._tell(suspects)

    async def _finish(self, receipt: Receipt, watch: Watch) -> Finished | NotFound | Unclear:
        doubts, times = _Doubts(self._rand), watch.times
        due = current_time() + self._rand() if watch.resumed else times.next(watch, current_time())
        while True:
            await self._until(due, watch)
            times.asking(watch, current_time())
            answer = await self._service.poll(receipt)
            match answer:
                case Finished():
                    self._ended(watch, answer)
                    return answer
                case Waiting():
                    self._seen(watch, answer)
                case NotFound() | Unclear() if doubts.last(answer):
                    return answer
            pause = doubts.pause(answer)
            due = times.next(watch, current_time()) if pause is None else current_time() + pause

    async def _until(self, due: float, watch: Watch) -> None:
        """Sleeps; sooner awake when something is heard of it, or of its kind, that changes when to ask."""
        while current_time() < due:
            known = watch.times.known
            with anyio.CancelScope(deadline=due):  # not "after due - now": rounded, that may end before it is due
                await self._news[watch].wait()
            if current_time() < due or self._news[watch].is_set():
                self._news[watch] = anyio.Event()
                due = self._at_once(watch) if watch.times.known and not known else self._next(watch)
            elif not watch.times.known and not watch.resumed:
                due = max(due, self._next(watch))  # others asked at this age meanwhile

    def _next(self, watch: Watch) -> float:
        return watch.times.next(watch, current_time())

    def _at_once(self, watch: Watch) -> float:
        """The first end was just found: whatever is as old may have ended too; not all in the same instant."""
        now = current_time()
        soon = now + 0.1 * self._rand()
        return soon if not watch.queued and now - watch.started >= watch.times.quantile(0.0) else self._next(watch)

    def _seen(self, watch: Watch, answer: Waiting) -> None:
        now = current_time()
        if answer.running:
            news = self.line.seen_running(watch, now)
            watch.times.seen_running(watch)
        else:
            news = self.line.seen_waiting(watch, answer.position, now)
        self._tell(each for each in news if each is not watch)

    def _ended(self, watch: Watch, answer: Finished) -> None:
        known = watch.times.known
        at = watch.times.seen_done(watch, current_time(), answer.seconds)
        news = self.line.ended(watch, at)
        everybody = watch.times.known and not known
        self._tell((each for each in self._receipts if each.times is watch.times) if everybody else news)

    def _tell(self, watches: Iterable[Watch]) -> None:
        for each in watches:
            self._news[each].set()

    async def _collect(self, receipt: Receipt, finished: Finished) -> End:
        doubts = _Doubts(self._rand)
        while True:
            answer = await self._service.collect(receipt, finished)
            match answer:
                case Video() | RequestFailed(sure=True):
                    return answer
                case RequestFailed() if doubts.believed(answer):
                    return answer
                case NotFound() | Unclear() if doubts.last(answer, of_result=True):
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

    def believed(self, answer: RequestFailed) -> bool:
        """Whether this has been the answer often and long enough."""
        heard = (answer.kind, answer.status)
        if self._same != heard:
            self._same, self._times, self._since = heard, 0, current_time()
        self._times += 1
        return self._times >= HEARD_TIMES and current_time() - self._since >= BELIEVED_SECONDS

    def last(self, answer: NotFound | Unclear, *, of_result: bool = False) -> bool:
        """Whether this kind of answer has been all there was for so long that asking again is idle.

        A service in trouble is waited for; where only one result cannot be had, the next run asks for it again.
        """
        if isinstance(answer, Unclear) and not answer.account and not (of_result and answer.answered):
            self._same = None
            return False
        kind = type(answer)
        if self._same is not kind:
            self._same, self._since = kind, current_time()
        return current_time() - self._since >= HEARD_SECONDS

    def pause(self, answer: object) -> float | None:
        """Seconds before the next question, None where the answer was a plain one."""
        if isinstance(answer, Waiting):
            self._total, self._same = 0, None
            return None
        self._total += 1
        return backoff(ASK_AGAIN, self._total, self._rand)
