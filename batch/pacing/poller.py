"""Polls one request until it ends: rarely, in step with run times and queue.

A failed question is never a failed row: whatever the answers are, the request is asked after again. Every wait has an
end, though: a request whose end cannot be learned is left to the next run, so that it does not hold up this one.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

import anyio
from anyio import current_time

from batch.core.gateway import (
    START_TIMEOUT,
    CollectAnswer,
    Finished,
    Gateways,
    NotFound,
    PollAnswer,
    Receipt,
    RequestFailed,
    Unclear,
    Video,
    Waiting,
)
from batch.core.retry import Retry, backoff
from batch.core.row import NeverRan, Unheard
from batch.pacing.in_flight import InFlight, InFlightRequest
from batch.pacing.poll_schedule import RunTimes
from batch.pacing.start_deadline import StartDeadline

ASK_AGAIN = Retry(base=0.5, ceiling=60.0)
HEARD_SECONDS = 600.0
"""How long nothing but 404, nothing but refusals of the account, or no result has to be heard about one request."""
TROUBLE_SECONDS = 3600.0
"""The same for answers of any kind that do not tell how it stands: a service in trouble is waited for."""
UNFINISHED_SECONDS = 6 * 3600.0
"""How long one run waits for a request that fal says it is at work on, and beyond its start deadline for one that
waits in line."""


End = Video | RequestFailed | Unheard | NeverRan
_Answer = TypeVar("_Answer", bound=CollectAnswer | PollAnswer)


class Poller:
    """Polls requests; those of one group take about equally long and learn from each other."""

    def __init__(
        self,
        gateways: Gateways,
        typical_seconds: float,
        rand: Callable[[], float],
        start_timeout: float = START_TIMEOUT,
    ) -> None:
        self.in_flight = InFlight()
        self.start_deadline = StartDeadline(start_timeout)
        """Of the next request."""
        self._gateways = gateways
        self._typical = typical_seconds
        self._rand = rand
        self._groups: dict[str, RunTimes] = {}
        self._receipts: dict[InFlightRequest, Receipt] = {}
        self._news: dict[InFlightRequest, anyio.Event] = {}
        self.moved = anyio.Event()
        """Set, and made anew, whenever a request has been accepted or has ended."""
        self.heard_at = float("-inf")
        """When fal answered anything at all last, on anyio's clock."""

    async def end(
        self,
        receipt: Receipt,
        group: str,
        age: float,
        *,
        resumed: bool,
        typical: float | None = None,
        recalled: bool = False,
        sent: float | None = None,
        position: int | None = None,
        start_timeout: float = START_TIMEOUT,
        freed: Callable[[], None] = lambda: None,
    ) -> End:
        """Waits for a request that was accepted `age` seconds ago.

        Args:
            typical: how long a request of the group usually runs, in seconds; None: as long as any.
            recalled: fal was asked to take it back while it waited in line.
            sent: a time on anyio's clock when its POST had not left yet.
            position: how many requests were before it when it was accepted, anybody's.
            start_timeout: its start deadline, in seconds after that.
            freed: called as soon as the request has left fal's slots, before its result is fetched.
        """
        times = self._groups.setdefault(group, RunTimes(typical or self._typical, self._rand))
        now = current_time()
        request = InFlightRequest(times, now - age, sent=now if sent is None else sent, joined=now, resumed=resumed)
        request.accepted, request.position, request.recalled = now - age, position, recalled
        self._receipts[request], self._news[request] = receipt, anyio.Event()
        self.in_flight.join(request)
        self._move()
        times.polled += 1
        try:
            finished = await self._finish(receipt, request, start_timeout)
        finally:
            times.polled -= 1
            self.in_flight.leave(request)
            del self._receipts[request], self._news[request]
            self._move()
        freed()
        if not isinstance(finished, Finished):
            return finished
        end = await self._collect(receipt, finished)
        if request.ran or finished.seconds:
            return end
        if request.recalled and _cancelled(end):
            return NeverRan("taken back from fal's line before it ran; it cost nothing", recalled=True)
        if current_time() - request.accepted < start_timeout or not _timed_out(end):
            return end
        self.start_deadline.waited(start_timeout)
        return NeverRan(f"no runner took it within {start_timeout / 3600:.1f} h; it cost nothing")

    def _move(self) -> None:
        self.moved.set()
        self.moved = anyio.Event()

    def longest(self) -> float:
        """Seconds that a request submitted now will take at most, by what is known."""
        return max((times.quantile(0.95) for times in self._groups.values() if times.known), default=self._typical)

    def typical(self) -> float | None:
        """Seconds that a request runs, by what is known; the group with most requests under way says."""
        known = [times for times in self._groups.values() if times.known]
        return max(known, key=lambda times: times.polled).quantile(0.5) if known else None

    def mean_run(self) -> float | None:
        """Seconds that a request runs on average, by the ends of late; None while none is known."""
        sums = [times.recent for times in self._groups.values() if times.known]
        return sum(seconds for _, seconds in sums) / sum(runs for runs, _ in sums) if sums else None

    def in_line(self) -> list[InFlightRequest]:
        """Those that wait, or of which nobody has seen that they run; the one that was sent last comes first."""
        running = (each for each in reversed(self.in_flight.running) if not each.ran)
        return [*reversed(self.in_flight.waiting), *running]

    def receipt(self, request: InFlightRequest) -> Receipt:
        """Of a request that is polled."""
        return self._receipts[request]

    def follows(self, request: InFlightRequest) -> bool:
        """Whether its end is still waited for."""
        return request in self._receipts

    async def waits(self, request: InFlightRequest) -> bool:
        """One question out of its turn: whether fal says that it waits in line."""
        return self.follows(request) and await self.look(request) and request in self.in_flight.waiting

    async def look(self, request: InFlightRequest) -> bool:
        """One question about a request out of its turn; whether the answer told if it runs or waits."""
        request.times.asking(request, current_time())
        answer = await self._heard(self._poll(self._receipts[request]))
        if request not in self._receipts:
            return False  # its own polling has heard the end meanwhile
        if isinstance(answer, Waiting):
            self._seen(request, answer)
        elif isinstance(answer, Finished):
            request.suspected = True
        else:
            request.untold = not request.troubled
        self._tell([request])
        return isinstance(answer, Waiting)

    def _poll(self, receipt: Receipt) -> Awaitable[PollAnswer]:
        return self._gateways.at(receipt.endpoint).poll(receipt)

    async def _heard(self, question: Awaitable[_Answer]) -> _Answer:
        answer = await question
        if not _silent(answer):
            self.heard_at = current_time()
        return answer

    async def _finish(self, receipt: Receipt, request: InFlightRequest, start_timeout: float) -> Finished | Unheard:
        trouble, times, waited_until = _Trouble(), request.times, request.joined
        due = current_time() + self._rand() if request.resumed else times.next(request, current_time())
        while True:
            await self._until(due, request)
            times.asking(request, current_time())
            answer = await self._heard(self._poll(receipt))
            request.untold, request.troubled = False, not isinstance(answer, Waiting)
            match answer:
                case Finished():
                    expired = request.queued and current_time() - request.accepted >= start_timeout
                    if answer.seconds or not expired:  # what no runner took tells nothing of those before it
                        self._ended(request, answer)
                    return answer
                case Waiting():
                    waited_until = waited_until if answer.running else current_time()
                    over = waited_until - request.joined >= start_timeout + UNFINISHED_SECONDS
                    if over or current_time() - waited_until >= UNFINISHED_SECONDS:
                        hours = (current_time() - request.joined) / 3600
                        return Unheard("unfinished", f"fal has not finished it in {hours:.0f} h")
                    self._seen(request, answer)
                    trouble = _Trouble()
                    due = times.next(request, current_time())
                case NotFound() | Unclear():
                    trouble.met(answer, self.heard_at)
                    if trouble.seconds >= TROUBLE_SECONDS or trouble.alike >= HEARD_SECONDS:
                        return _unheard(answer, "no_status")
                    due = current_time() + trouble.pause(self._rand)

    async def _until(self, due: float, request: InFlightRequest) -> None:
        """Sleeps; sooner awake when something is heard of it, or of its group, that changes when to ask."""
        while current_time() < due:
            known = request.times.known
            with anyio.CancelScope(deadline=due):  # not "after due - now": rounded, that may end before it is due
                await self._news[request].wait()
            if current_time() < due or self._news[request].is_set():
                self._news[request] = anyio.Event()
                sooner = self._at_once(request) if request.times.known and not known else self._next(request)
                due = min(due, sooner) if request.troubled else sooner  # a question that told nothing is asked again
            elif not (request.times.known or request.resumed or request.queued):
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
            self.start_deadline.waited(now - request.accepted)
        self._tell(each for each in news if each is not request)

    def _ended(self, request: InFlightRequest, answer: Finished) -> None:
        known = request.times.known
        if answer.seconds and not request.queued:  # it began no later than so long ago, whenever that was noticed
            request.started = max(request.accepted, min(request.started, current_time() - answer.seconds))
        at = request.times.seen_done(request, current_time(), answer.seconds)
        news = self.in_flight.ended(request, at)
        everybody = request.times.known and not known
        self._tell((each for each in self._receipts if each.times is request.times) if everybody else news)

    def _tell(self, requests: Iterable[InFlightRequest]) -> None:
        for each in requests:
            self._news[each].set()

    async def _collect(self, receipt: Receipt, finished: Finished) -> End:
        trouble = _Trouble()
        while True:
            answer = await self._heard(self._gateways.at(receipt.endpoint).collect(receipt, finished))
            if isinstance(answer, Video) or (isinstance(answer, RequestFailed) and answer.sure):
                return answer
            trouble.met(answer, self.heard_at)
            if trouble.seconds >= HEARD_SECONDS:
                return _unheard(answer, "no_result")
            await anyio.sleep(trouble.pause(self._rand))


class _Trouble:
    """Answers in a row that bring a request no further, and how long they have been all there was.

    The time in which fal cannot be reached at all does not count: a network that is dead is waited for. It is not dead
    where anything else was heard of fal since the silence about this request began.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.alike = 0.0
        """Of these, how long it has been the same, where that is a thing to leave a request for: a 404, say."""
        self._times = 0
        self._kind = ""
        self._last = self._began = float("inf")

    def met(self, answer: CollectAnswer, heard_at: float) -> None:
        """Takes one more answer; `heard_at` is when anything was heard of fal last, this answer included."""
        dead = _silent(answer) and heard_at <= self._began
        passed = 0.0 if dead else max(0.0, current_time() - self._last)
        kind = _kind(answer)
        self.seconds += passed
        self.alike = self.alike + passed if kind and kind == self._kind else 0.0
        self._kind, self._last = kind, current_time()
        self._began = min(self._began, self._last)

    def pause(self, rand: Callable[[], float]) -> float:
        """Seconds before the next question."""
        self._times += 1
        return backoff(ASK_AGAIN, self._times, rand)


def _timed_out(end: End) -> bool:
    """A 504 of this type is fal's word for a start deadline that passed, and for a run that took too long."""
    return isinstance(end, RequestFailed) and end.status == 504 and end.error_type == "request_timeout"


def _cancelled(end: End) -> bool:
    """A 499 is fal's word for a request that was taken back before it ended."""
    return isinstance(end, RequestFailed) and end.status == 499


def _silent(answer: PollAnswer | CollectAnswer) -> bool:
    """Whether nothing at all came back."""
    return isinstance(answer, Unclear) and not answer.answered


def _kind(answer: CollectAnswer) -> str:
    if isinstance(answer, NotFound):
        return "not_found"
    return "account_refused" if isinstance(answer, Unclear) and answer.account else ""


def _unheard(answer: CollectAnswer, error_type: str) -> Unheard:
    match answer:
        case RequestFailed(told, message):
            return Unheard(error_type, f"{told}: {message}", answer)
        case NotFound(reason) | Unclear(reason):
            return Unheard(_kind(answer) or error_type, reason)
        case _:
            return Unheard(error_type, "fal says that it is completed, and that it is still in progress")
