"""Polls one request until it ends: rarely, in step with run times and queue.

A failed question is never a failed row: whatever the answers are, the request is asked after again.
"""

from collections.abc import Callable, Iterable

import anyio
from anyio import current_time

from batch.core.gateway import Finished, Gateway, NotFound, Receipt, RequestFailed, Unclear, Video, Waiting
from batch.core.retry import Retry, backoff
from batch.pacing.in_flight import InFlight, InFlightRequest
from batch.pacing.poll_schedule import RunTimes

ASK_AGAIN = Retry(base=0.5, ceiling=30.0)
HEARD_TIMES = 3
BELIEVED_SECONDS = 60.0
"""How often, and for how long, an answer that may be a passing fault of the service has to be heard to be believed."""
HEARD_SECONDS = 600.0
"""How long nothing but 404, nothing but refusals of the account, or no result has to be heard about one request."""

End = Video | RequestFailed | NotFound | Unclear
"""`NotFound`: fal has said 404 for long; `Unclear`: no result, or the account is refused; the next run asks again."""


class Poller:
    """Polls requests; those of one group take about equally long and learn from each other."""

    def __init__(self, gateway: Gateway, typical_seconds: float, rand: Callable[[], float]) -> None:
        self.in_flight = InFlight()
        self._gateway = gateway
        self._typical = typical_seconds
        self._rand = rand
        self._groups: dict[str, RunTimes] = {}
        self._receipts: dict[InFlightRequest, Receipt] = {}
        self._news: dict[InFlightRequest, anyio.Event] = {}
        self.joined = anyio.Event()
        """Set, and made anew, whenever a request has been accepted."""

    async def end(
        self,
        receipt: Receipt,
        group: str,
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
        times = self._groups.setdefault(group, RunTimes(self._typical, self._rand))
        now = current_time()
        request = InFlightRequest(times, now - age, sent=now if sent is None else sent, joined=now, resumed=resumed)
        self._receipts[request], self._news[request] = receipt, anyio.Event()
        self.in_flight.join(request)
        self.joined.set()
        self.joined = anyio.Event()
        times.polled += 1
        try:
            finished = await self._finish(receipt, request)
        finally:
            times.polled -= 1
            self.in_flight.leave(request)
            del self._receipts[request], self._news[request]
        freed()
        return await self._collect(receipt, finished) if isinstance(finished, Finished) else finished

    def longest(self) -> float:
        """Seconds that a request submitted now will take at most, by what is known."""
        return max((times.quantile(0.95) for times in self._groups.values() if times.known), default=self._typical)

    def typical(self) -> float | None:
        """Seconds that a request runs, by what is known; the group with most requests under way says."""
        known = [times for times in self._groups.values() if times.known]
        return max(known, key=lambda times: times.polled).quantile(0.5) if known else None

    async def look(self, request: InFlightRequest) -> bool:
        """One question about a request out of its turn; whether the answer told if it runs or waits."""
        request.times.asking(request, current_time())
        answer = await self._gateway.poll(self._receipts[request])
        if request not in self._receipts:
            return False  # its own polling has heard the end meanwhile
        if isinstance(answer, Waiting):
            self._seen(request, answer)
        elif isinstance(answer, Finished):
            request.suspected = True
        self._tell([request])
        return isinstance(answer, Waiting)

    def ask(self, suspects: Iterable[InFlightRequest]) -> None:
        """These are asked at once."""
        self._tell(suspects)

    async def _finish(self, receipt: Receipt, request: InFlightRequest) -> Finished | NotFound | Unclear:
        unclear, times = _UnclearAnswers(self._rand), request.times
        due = current_time() + self._rand() if request.resumed else times.next(request, current_time())
        while True:
            await self._until(due, request)
            times.asking(request, current_time())
            answer = await self._gateway.poll(receipt)
            match answer:
                case Finished():
                    self._ended(request, answer)
                    return answer
                case Waiting():
                    self._seen(request, answer)
                case NotFound() | Unclear():
                    if unclear.last(answer):
                        return answer
            pause = unclear.pause(answer)
            due = times.next(request, current_time()) if pause is None else current_time() + pause

    async def _until(self, due: float, request: InFlightRequest) -> None:
        """Sleeps; sooner awake when something is heard of it, or of its group, that changes when to ask."""
        while current_time() < due:
            known = request.times.known
            with anyio.CancelScope(deadline=due):  # not "after due - now": rounded, that may end before it is due
                await self._news[request].wait()
            if current_time() < due or self._news[request].is_set():
                self._news[request] = anyio.Event()
                due = self._at_once(request) if request.times.known and not known else self._next(request)
            elif not request.times.known and not request.resumed:
                due = max(due, self._next(request))  # others asked at this age meanwhile

    def _next(self, request: InFlightRequest) -> float:
        return request.times.next(request, current_time())

    def _at_once(self, request: InFlightRequest) -> float:
        """The first end was just found: whatever is as old may have ended too; not all in the same instant."""
        now = current_time()
        soon = now + 0.1 * self._rand()
        return (
            soon if not request.queued and now - request.started >= request.times.quantile(0.0) else self._next(request)
        )

    def _seen(self, request: InFlightRequest, answer: Waiting) -> None:
        now = current_time()
        if answer.running:
            news = self.in_flight.seen_running(request, now)
            request.times.seen_running(request)
        else:
            news = self.in_flight.seen_waiting(request, answer.position, now)
        self._tell(each for each in news if each is not request)

    def _ended(self, request: InFlightRequest, answer: Finished) -> None:
        known = request.times.known
        at = request.times.seen_done(request, current_time(), answer.seconds)
        news = self.in_flight.ended(request, at)
        everybody = request.times.known and not known
        self._tell((each for each in self._receipts if each.times is request.times) if everybody else news)

    def _tell(self, requests: Iterable[InFlightRequest]) -> None:
        for each in requests:
            self._news[each].set()

    async def _collect(self, receipt: Receipt, finished: Finished) -> End:
        unclear = _UnclearAnswers(self._rand)
        while True:
            answer = await self._gateway.collect(receipt, finished)
            match answer:
                case Video() | RequestFailed(sure=True):
                    return answer
                case RequestFailed() if unclear.believed(answer):
                    return answer
                case NotFound() | Unclear() if unclear.last(answer, of_result=True):
                    return answer
                case _:
                    await anyio.sleep(unclear.pause(answer) or ASK_AGAIN.base)


class _UnclearAnswers:
    """Answers in a row that decide nothing."""

    def __init__(self, rand: Callable[[], float]) -> None:
        self._rand = rand
        self._same: object = None
        self._times = 0
        self._total = 0
        self._since = 0.0

    def believed(self, answer: RequestFailed) -> bool:
        """Whether this has been the answer often and long enough."""
        heard = (answer.error_type, answer.status)
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
        form = type(answer)
        if self._same is not form:
            self._same, self._since = form, current_time()
        return current_time() - self._since >= HEARD_SECONDS

    def pause(self, answer: object) -> float | None:
        """Seconds before the next question, None where the answer was a plain one."""
        if isinstance(answer, Waiting):
            self._total, self._same = 0, None
            return None
        self._total += 1
        return backoff(ASK_AGAIN, self._total, self._rand)
