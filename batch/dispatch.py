"""The dispatcher: claim, submit, wait, settle, at bounded concurrency.

Pure anyio: the ledger and the gateway are two narrow protocols, the clock and the randomness are arguments, so
a night can be played on a mock clock.
"""

import heapq
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, Protocol

import anyio
from anyio import current_time
from anyio.abc import TaskGroup

from batch import answers as a
from batch import policy, states
from batch.door import Door
from batch.follow import Asked, Follower
from batch.job import Arguments
from batch.ledger import Flight, Work, encoded
from batch.states import Move, Receipt, State

PAGE = 200
"""Rows read from the ledger at a time: a million waiting rows do not come into memory."""


class Book(Protocol):
    """What the dispatcher needs of the ledger; each call returns when it is on disk."""

    async def apply(self, row: int, move: Move) -> None: ...
    async def claimable(self, after: int, limit: int) -> list[Work]: ...
    async def flights(self) -> list[Flight]: ...


class Gateway(Asked, Protocol):
    """What the dispatcher needs of the service."""

    async def prepare(self, arguments: Arguments) -> a.Preparation: ...
    async def submit(self, arguments: Arguments) -> a.Submitted: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a run behaves. `now` is wall time in seconds since 1970, for the ledger only."""

    concurrency: int
    now: Callable[[], float]
    rand: Callable[[], float]
    typical_seconds: float
    kind_of: Callable[[Arguments], str]
    """Requests of one kind take about equally long."""
    retry: policy.Retry = field(default_factory=policy.Retry)

    def __post_init__(self) -> None:
        if self.concurrency < 1:
            raise ValueError("concurrency is 1 at least")


@dataclass(slots=True)
class Tally:
    """What has happened so far in this run, for whoever shows it."""

    succeeded: int = 0
    failed: int = 0
    in_doubt: int = 0
    under_way: int = 0
    left: int = 0
    """Requests that could not be asked after and wait for the next run."""
    spent: int = 0
    """Millionths of a dollar, by requests that ended in this run."""


class Dispatcher:
    """Runs the pending rows of one ledger through one gateway."""

    def __init__(self, book: Book, gateway: Gateway, settings: Settings) -> None:
        self._book = book
        self._gateway = gateway
        self._set = settings
        self._follower = Follower(gateway, settings.typical_seconds, settings.rand)
        self.door = Door(settings.rand)
        self.tally = Tally()
        self.stopped: a.AccountStop | None = None
        """Why nothing more is submitted, where the account was refused."""
        self._page: deque[Work] = deque()
        self._place = -1
        self._read_all = False
        self._later: list[tuple[float, int, Work]] = []
        self._order = count()
        self._held: set[int] = set()
        self._changed = anyio.Event()

    async def run(self) -> None:
        """Returns when no row can be brought further in this run; cancelling it is safe at any moment."""
        async with anyio.create_task_group() as tasks:
            for flight in await self._book.flights():  # what is paid for comes first
                self._begin(tasks, flight.row, self._resume, flight)
            while (work := await self._next()) is not None:
                self._begin(tasks, work.row, self._bring, work)

    def _begin(self, tasks: TaskGroup, row: int, life: Callable[[Any], Awaitable[None]], of: Flight | Work) -> None:
        self.tally.under_way += 1
        self._held.add(row)
        tasks.start_soon(self._live, life, of, name=f"row {of.number}")

    async def _live(self, life: Callable[[Any], Awaitable[None]], of: Flight | Work) -> None:
        await life(of)
        self.tally.under_way -= 1
        self._changed.set()

    # Choosing rows

    async def _next(self) -> Work | None:
        """The next row to submit, as soon as there is room for it; None when there will be none."""
        while not self.stopped:
            if self._room() and (work := await self._ready()):
                return work
            if self._read_all and not (self._page or self._later or self.tally.under_way):
                return None
            await self._change()
        return None

    def _room(self) -> bool:
        return self.tally.under_way < self._set.concurrency

    async def _ready(self) -> Work | None:
        if self._later and self._later[0][0] <= current_time():
            return heapq.heappop(self._later)[2]
        while not self._read_all or self._page:
            if not self._page:
                self._page.extend(await self._book.claimable(self._place, PAGE))
                self._read_all = len(self._page) < PAGE
                continue
            work = self._page.popleft()
            self._place = work.place
            if work.row not in self._held:  # a row that came back to pending in this run is in `_later`
                return work
        return None

    async def _change(self) -> None:
        """Until a row has ended, or one that waits for another try is due."""
        due = self._later[0][0] if self._later and self._room() else float("inf")
        with anyio.CancelScope(deadline=due):
            await self._changed.wait()
        self._changed = anyio.Event()

    def _put_back(self, work: Work, seconds: float) -> None:
        heapq.heappush(self._later, (current_time() + seconds, next(self._order), work))

    # One row

    async def _bring(self, work: Work) -> None:
        """From pending as far as it goes."""
        prepared = await self._gateway.prepare(work.arguments)
        match prepared:
            case a.Prepared(arguments):
                if receipt := await self._submit(work, arguments):
                    await self._follow(replace(work, tries=work.tries + 1), receipt)
            case a.NotSent():
                self.door.leave(prepared)
                self._put_back(work, 0.0)
            case a.AccountStop():
                self._stop(prepared)
            case a.Refused(kind, message):
                await self._settle(work.row, states.unsendable(self._set.now(), kind, message))
                self.tally.failed += 1

    async def _submit(self, work: Work, arguments: Arguments) -> Receipt | None:
        if not await self.door.enter():
            return None
        answer: a.Submitted | None = None
        try:
            # From the intent to the receipt nothing may come between: a reply that is not written down is lost.
            with anyio.CancelScope(shield=True):
                sent = None if arguments == work.arguments else encoded(arguments)
                await self._book.apply(work.row, states.claimed(self._set.now(), sent, work.price))
                answer = await self._gateway.submit(arguments)
                await self._book.apply(work.row, self._answered(answer))
        finally:
            self.door.leave(answer)
        return self._after(work, answer)

    def _answered(self, answer: a.Submitted) -> Move:
        now = self._set.now()
        match answer:
            case a.Accepted(receipt):
                return states.accepted(now, receipt)
            case a.NotSent(reason):
                return states.not_sent(now, reason)
            case a.Throttled():
                return states.not_sent(now, "fal asked to come again later (429)")
            case a.AccountStop(_, message):
                return states.not_sent(now, message)
            case a.Refused(kind, message):
                return states.refused(now, kind, message)
            case a.InDoubt(reason):
                return states.reply_lost(now, reason)

    def _after(self, work: Work, answer: a.Submitted | None) -> Receipt | None:
        match answer:
            case a.Accepted(receipt):
                return receipt
            case a.NotSent() | a.Throttled():
                self._put_back(work, 0.0)  # the door keeps it waiting
            case a.AccountStop():
                self._stop(answer)
            case a.Refused():
                self.tally.failed += 1
            case a.InDoubt():
                self.tally.in_doubt += 1
        return None

    def _stop(self, answer: a.AccountStop) -> None:
        self.stopped = answer
        self.door.close()

    async def _resume(self, flight: Flight) -> None:
        """A request that an earlier run was given the receipt of."""
        age = max(0.0, self._set.now() - flight.submitted_at)
        work = Work(flight.row, flight.place, flight.number or 0, flight.arguments, flight.price, flight.tries)
        await self._follow(work, flight.receipt, age=age, resumed=True)

    async def _follow(self, work: Work, receipt: Receipt, *, age: float = 0.0, resumed: bool = False) -> None:
        kind = self._set.kind_of(work.arguments)
        end = await self._follower.end(receipt, kind, age, resumed=resumed)
        if isinstance(end, a.Unclear):
            self.tally.left += 1
            return
        move = self._ended(work, end)
        await self._settle(work.row, move)
        if move.new is State.SUCCEEDED:
            self.tally.succeeded += 1
        elif move.new is State.FAILED:
            self.tally.failed += 1
        elif work.place >= 0:  # a row that the manifest no longer has is not bought again
            self._put_back(work, policy.backoff(self._set.retry, work.tries, self._set.rand))

    def _ended(self, work: Work, end: a.Video | a.Broke | a.Gone) -> Move:
        now = self._set.now()
        match end:
            case a.Video(result, url):
                return states.succeeded(now, result, url, work.price or 0)
            case a.Gone(reason):
                return states.failed(now, "request_not_found", reason, work.price or 0)
            case a.Broke(kind, message):
                cost = policy.cost(end, work.price)
                if policy.worth_another_try(end) and work.tries < self._set.retry.tries:
                    return states.another_try(now, kind, message, cost)
                return states.failed(now, kind, message, cost)

    async def _settle(self, row: int, move: Move) -> None:
        with anyio.CancelScope(shield=True):
            await self._book.apply(row, move)
        self.tally.spent += move.cost
