"""The dispatcher: claim, submit, wait, settle, at bounded concurrency.

Pure anyio: the ledger and the gateway are two narrow protocols, the clock and the randomness are arguments, so
a night can be played on a mock clock.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import anyio
from anyio import current_time
from anyio.abc import TaskGroup

from batch.core import gateway as a
from batch.core import retry as policy
from batch.core import states
from batch.core.gateway import Gateway, Receipt
from batch.core.money import Budget
from batch.core.row import Flight, Work
from batch.core.states import Move, State
from batch.core.store import RowStore
from batch.dispatch import backlog as rows
from batch.dispatch import transitions as consequences
from batch.dispatch.admission import Door
from batch.dispatch.stopping import Breaker
from batch.job import Arguments, encoded
from batch.pacing.concurrency import Window
from batch.pacing.poller import End, Follower
from batch.pacing.slot_probe import Look
from batch.reconcile import reconciler as settling

START_TIMEOUT = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a run behaves. `now` is wall time in seconds since 1970, for the ledger only."""

    concurrency: int | None
    """How many requests are unfinished at fal at once; None: as many as the account runs, and a few that wait."""
    most: int = 2000
    """Never more than these."""
    now: Callable[[], float]
    rand: Callable[[], float]
    typical_seconds: float
    kind_of: Callable[[Arguments], str]
    """Requests of one kind take about equally long."""
    retry: policy.Retry = field(default_factory=policy.Retry)
    budget: Budget = field(default_factory=Budget)
    limit: int | None = None
    """How many rows are begun at most."""
    deadline: float = float("inf")
    """On anyio's clock: nothing is submitted that could not be home by then."""
    stop_after: int = 10
    """So many equal failures in a row stop the submitting; 0: never."""
    start_timeout: float = START_TIMEOUT
    """Seconds after which fal gives up a request that no runner has started."""

    def __post_init__(self) -> None:
        if self.most < 1 or (self.concurrency is not None and self.concurrency < 1):
            raise ValueError("concurrency is 1 at least")


@dataclass(frozen=True, slots=True)
class Stop:
    """Why nothing more is submitted."""

    kind: str
    message: str


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

    def __init__(self, book: RowStore, gateway: Gateway, settings: Settings) -> None:
        self._book = book
        self._gateway = gateway
        self._set = settings
        self._follower = Follower(gateway, settings.typical_seconds, settings.rand)
        self.window = Window(self._follower.line, settings.concurrency, settings.most)
        self._look = Look(self._follower, self.window)
        self.door = Door(settings.rand)
        self.tally = Tally()
        self.stopped: Stop | None = None
        """Why nothing more is submitted, where rows are left."""
        self._settler = settling.Settler(book, gateway, settings.now, settings.start_timeout)
        self._patience = settling.Patience(settings.start_timeout)
        self._refusals = Breaker(settings.stop_after)
        self._failures = Breaker(settings.stop_after)
        self._started = False
        self._rows = rows.Rows(book, settings.limit)
        self._at_fal = 0
        self._fetching = 0
        self._over: list[Work] = []
        self._changed = anyio.Event()

    async def run(self) -> None:
        """Returns when no row can be brought further in this run; cancelling it is safe at any moment."""
        self._patience.began = current_time()
        async with anyio.create_task_group() as tasks:
            await self._settle(tasks)
            for flight in await self._book.flights():  # what is paid for comes first
                self._begin(tasks, flight.row, self._resume, flight)
            tasks.start_soon(self._keep_settling, tasks, name="settling")
            tasks.start_soon(self._look.keep, lambda: not self._room(), self._wake, name="slots")
            while (work := await self._next()) is not None:
                self._begin(tasks, work.row, self._bring, work)
            while self.tally.under_way or self._may_settle():
                await self._change()
            if self._rows.limited and not self.stopped:
                self.stopped = Stop("limit", "stopped: no more rows were to be begun (--limit)")
            tasks.cancel_scope.cancel()

    def _begin(self, tasks: TaskGroup, row: int, life: Callable[[Any], Awaitable[None]], of: Flight | Work) -> None:
        self.tally.under_way += 1
        self._rows.hold(row)
        tasks.start_soon(self._live, life, of, name=f"row {of.number}")

    async def _live(self, life: Callable[[Any], Awaitable[None]], of: Flight | Work) -> None:
        await life(of)
        self.tally.under_way -= 1
        self._wake()

    def _wake(self) -> None:
        """Something has changed that the choosing of rows waits for."""
        self._changed.set()

    # Choosing rows

    async def _next(self) -> Work | None:
        """The next row to submit, as soon as there is room for it; None when there will be none."""
        while not self.stopped:
            if self._room() and (work := await self._rows.next()):
                return work
            if self._rows.none_left and not (self.tally.under_way or self._may_settle()):
                return None
            if not self._room():
                await self._rows.read_ahead()
            await self._change()
        return None

    @property
    def at_work(self) -> int:
        """Rows on their way to a slot or in one; a row whose result is only being fetched has left its slot."""
        return self.tally.under_way - self._fetching

    def _room(self) -> bool:
        """Whether another row may be begun; not while those whose results are being fetched are a crowd."""
        fetching = min(self._fetching, self.window.size)
        return self.tally.under_way - fetching < self.window.size

    async def _change(self) -> None:
        """Until a row has ended, or one that waits for another try is due."""
        due = self._rows.due if self._room() and not self.stopped else float("inf")
        with anyio.CancelScope(deadline=due):
            await self._changed.wait()
        self._changed = anyio.Event()

    # One row

    async def _bring(self, work: Work) -> None:
        """From pending as far as it goes."""
        prepared = await self._gateway.prepare(work.arguments)
        match prepared:
            case a.Prepared(arguments):
                if accepted := await self._submit(work, arguments):
                    receipt, sent = accepted
                    await self._follow(replace(work, tries=work.tries + 1), receipt, sent=sent)
            case a.NotSent():
                self._rows.put_back(work, self.door.upset(prepared))
            case a.AccountStop(kind, message):
                self._stop(Stop(kind, message))
            case a.Refused(kind, message):
                await self._write(work.row, states.unsendable(self._set.now(), kind, message))
                self._failed(self._refusals, kind)
                self.tally.failed += 1

    async def _submit(self, work: Work, arguments: Arguments) -> tuple[Receipt, float] | None:
        """The receipt, and a time when the POST had not left yet."""
        if not await self.door.enter():
            return None
        answer: a.Submitted | None = None
        try:
            if current_time() + self._follower.longest() > self._set.deadline:
                self._stop(Stop("time", "stopped submitting: what is submitted now could not be home in time"))
                return None
            # From the intent to the receipt nothing may come between: a reply that is not written down is lost.
            with anyio.CancelScope(shield=True):
                sent = None if arguments == work.arguments else encoded(arguments)
                intent = states.claimed(self._set.now(), sent, work.price)
                if not await self._book.claim(work.row, intent, self._set.budget):
                    self._over_budget(work)
                    return None
                self._at_fal += 1
                left = current_time()
                answer = await self._gateway.submit(arguments)
                await self._book.apply(work.row, consequences.of_submit(answer, self._set.now()))
        finally:
            self.door.leave(answer)
        if not isinstance(answer, a.Accepted):
            self._home()
        receipt = self._after(work, answer)
        return (receipt, left) if receipt else None

    def _over_budget(self, work: Work) -> None:
        """What is under way may fail at no cost and leave room; with nothing under way there is none."""
        if self._at_fal:
            self._over.append(work)
        else:
            self._stop(Stop("budget", "stopped submitting: the next row would go over the budget"))

    def _home(self) -> None:
        """A request has ended, and may have left room in the budget for the rows that wait for some."""
        self._at_fal -= 1
        for work in self._over:
            self._rows.put_back(work, 0.0)
        self._over.clear()

    def _after(self, work: Work, answer: a.Submitted | None) -> Receipt | None:
        match answer:
            case a.Accepted(receipt):
                self._refusals.succeeded()
                return receipt
            case a.NotSent() | a.Throttled():
                self._rows.put_back(work, 0.0)  # the door keeps it waiting
            case a.AccountStop(kind, message):
                self._stop(Stop(kind, message))
            case a.Refused(kind):
                self._failed(self._refusals, kind)
                self.tally.failed += 1
            case a.InDoubt(reason):
                self._failed(self._refusals, f"in doubt: {reason}")
                self.tally.in_doubt += 1
                self._patience.doubts += 1
        return None

    def _failed(self, breaker: Breaker, kind: str) -> None:
        if breaker.failed(kind):
            message = f"stopped submitting: the last {self._set.stop_after} rows all ended the same way ({kind})"
            self._stop(Stop("failures", message))

    def _stop(self, why: Stop) -> None:
        self.stopped = self.stopped or why
        self.door.close()
        self._wake()

    async def _resume(self, flight: Flight) -> None:
        """A request that an earlier run was given the receipt of."""
        age = max(0.0, self._set.now() - flight.submitted_at)
        self._at_fal += 1
        work = Work(flight.row, flight.place, flight.number or 0, flight.arguments, flight.price, flight.tries)
        await self._follow(work, flight.receipt, age=age, resumed=True)

    async def _follow(
        self, work: Work, receipt: Receipt, *, sent: float | None = None, age: float = 0.0, resumed: bool = False
    ) -> None:
        kind = self._set.kind_of(work.arguments)
        end = await self._follower.end(receipt, kind, age, resumed=resumed, sent=sent, freed=self._freed)
        try:
            await self._end(work, end)
        finally:
            self._fetching -= 1

    async def _end(self, work: Work, end: End) -> None:
        if isinstance(end, a.Unclear):
            self.tally.left += 1
            self._home()
            return
        move = consequences.of_end(end, self._set.now(), work.price, work.tries, self._set.retry)
        await self._write(work.row, move)
        self._home()
        if isinstance(end, a.Video):
            self._failures.succeeded()
            self.tally.succeeded += 1
            return
        self._failed(self._failures, str(move.changes["kind"]))
        if move.new is State.FAILED:
            self.tally.failed += 1
        elif work.place >= 0:  # a row that the manifest no longer has is not bought again
            self._rows.put_back(work, policy.backoff(self._set.retry, work.tries, self._set.rand))

    def _freed(self) -> None:
        self._fetching += 1
        self._wake()

    async def _write(self, row: int, move: Move) -> None:
        with anyio.CancelScope(shield=True):
            await self._book.apply(row, move)
        self.tally.spent += move.cost

    # Rows in doubt

    async def _settle(self, tasks: TaskGroup) -> None:
        """One look at fal's records; rows found are followed by the caller, or here once the run is under way."""
        verdicts = await self._settler.round()
        self._patience.looked(verdicts, len(await self._book.doubts()))
        if isinstance(verdicts, a.Unclear):
            return
        for row in verdicts.absent:
            if work := await self._book.work(row):
                self._rows.put_back(work, 0.0)  # wherever the reading of the table has come to: from here
        if verdicts.found and self._started:
            flights = {flight.row: flight for flight in await self._book.flights()}
            for row in verdicts.found:
                self.tally.in_doubt -= self._rows.holds(row)
                self._begin(tasks, row, self._resume, flights[row])

    async def _keep_settling(self, tasks: TaskGroup) -> None:
        self._started = True
        looked = current_time()
        while True:
            await anyio.sleep(settling.IDLE_SECONDS)
            due = looked + self._patience.pause(current_time(), busy=self.tally.under_way > 0)
            if self._patience.doubts and current_time() >= due:
                await self._settle(tasks)
                looked = current_time()
            self._wake()

    def _may_settle(self) -> bool:
        return self._patience.lasts(current_time(), busy=self.tally.under_way > 0)
