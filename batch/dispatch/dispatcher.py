"""The dispatcher: claims rows, submits them, follows them and writes down what comes of it.

Pure anyio: the ledger and the gateway are two narrow protocols, the clock and the randomness are arguments, so
a night can be played on a mock clock.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import anyio
from anyio import current_time
from anyio.abc import TaskGroup

from batch.core import retry, states, worker
from batch.core.gateway import (
    AccountRefused,
    Gateways,
    Prepared,
    Receipt,
    Refused,
    RequestFailed,
    Unclear,
    Video,
)
from batch.core.money import Cap
from batch.core.row import NeverRan, PendingRow, SubmittedRow, Unheard
from batch.core.states import State, Transition
from batch.core.store import RowStore
from batch.dispatch import transitions
from batch.dispatch.admission import Admission
from batch.dispatch.backlog import Backlog
from batch.dispatch.image_waits import Again, Left
from batch.dispatch.late_receipts import LateReceipts
from batch.dispatch.preparation import Preparation
from batch.dispatch.recall import Recall
from batch.dispatch.settings import Settings
from batch.dispatch.stopping import FailureStreak, Stop
from batch.dispatch.submission import NoRoom, Posted, Submission
from batch.dispatch.tally import Tally
from batch.dispatch.transitions import AtFal, SubmitOutcome
from batch.job import Arguments
from batch.pacing.concurrency import ConcurrencyLimit
from batch.pacing.poller import Poller
from batch.pacing.slot_probe import SlotProbe
from batch.reconcile.reconciler import IDLE_SECONDS, Patience, Reconciler


class Demand(NamedTuple):
    """What a run has at fal, and whether it would have more."""

    in_air: int
    """Requests that have not ended."""
    waiting: int
    """Of these, those in line before the slots."""
    hungry: bool
    """Rows wait for room."""
    slots: int | None
    """How many run at once, where that was found out."""
    wait_seconds: float
    """How long a request waits before it runs although a slot is free."""


class Dispatcher:
    """Runs the pending rows of one ledger through one gateway."""

    def __init__(self, store: RowStore, gateways: Gateways, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        options = settings.options
        self._poller = Poller(gateways, settings.typical_seconds, settings.rand, settings.start_timeout)
        self._limit = ConcurrencyLimit(
            self._poller.in_flight,
            options.concurrency,
            options.max_concurrency,
            typical=settings.typical_seconds,
            before=settings.slots_before,
            left=lambda: settings.rows - self._tally.ended,
        )
        self._slot_probe = SlotProbe(self._poller, self._limit)
        self._admission = Admission(settings.rand)
        self._tally = Tally()
        self._preparation = Preparation(gateways, self._tally, self._poller, settings.rand, self._slot_free, self._wake)
        self.stopped: Stop | None = None
        """Why nothing more is submitted, where rows are left."""
        self.candidates: Mapping[int, Sequence[str]] = {}
        """Row in doubt → the requests at fal that may be its own, as the last look at fal's records showed."""
        self._settling = anyio.Lock()
        """Held while rows in doubt are settled."""
        self._late = LateReceipts(store, self._settling, settings.now)
        self._tasks: TaskGroup | None = None
        self._reconciler = Reconciler(store, gateways, settings.now, settings.start_timeout)
        self._patience = Patience(settings.start_timeout)
        self._refusals = FailureStreak(options.stop_after)
        self._failures = FailureStreak(options.stop_after)
        self._stopped_for = ""
        """The failures that an earlier run stopped for: until a row succeeds, one is tried at a time."""
        self._trying = 0
        """Rows under way that this run has begun."""
        self._started = False
        self._submission = Submission(
            store, gateways, settings, self._poller, stop=self._stop, claimed=self._on_claimed
        )
        self._recall = Recall(store, gateways, self._poller, settings.now, settings.rand)
        self._backlog = Backlog(store, options.limit)
        self._at_fal = 0
        self._over_budget: list[PendingRow] = []
        self._changed = anyio.Event()
        self._unwanted = anyio.Event()
        """What waits in fal's line is to be taken back."""

    @property
    def tally(self) -> Tally:
        """As it is now."""
        in_flight = self._poller.in_flight
        self._tally.at_once = self._limit.size
        self._tally.run_seconds, self._tally.wait_seconds = self._poller.mean_run(), self._limit.estimate.wait
        self._tally.at_fal = worker.FalCounts(len(in_flight.running), len(in_flight.waiting), in_flight.ahead)
        self._tally.notice = self._admission.notice or self._preparation.notice
        return self._tally

    @property
    def demand(self) -> "Demand":
        """What this run has at fal, and whether it would have more."""
        in_flight, limit = self._poller.in_flight, self._limit
        return Demand(
            in_air=len(in_flight),
            waiting=len(in_flight.waiting),
            hungry=not (self.stopped or self._backlog.none_left),
            slots=round(limit.slots) if limit.counted else None,
            wait_seconds=limit.estimate.wait,
        )

    def hold_to(self, share: int | None) -> None:
        """Leaves other runs of the account theirs; None: there are none that want any."""
        self._limit.share = share
        self._wake()

    async def run(self) -> None:
        """Returns when no row can be brought further in this run; cancelling it is safe at any moment."""
        self._patience.began = current_time()
        self._stopped_for = await self._store.stopped_for() if self._settings.options.stop_after else ""
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            await self._reconcile(tasks)
            for submitted in await self._store.submitted_rows():  # what is paid for comes first
                self._begin(tasks, submitted.row, self._resume, submitted)
            tasks.start_soon(self._keep_reconciling, tasks, name="reconcile")
            tasks.start_soon(self._slot_probe.keep, self._wake, name="slots")
            tasks.start_soon(self._recall_after_stop, name="recall")
            while (pending := await self._next()) is not None:
                self._begin(tasks, pending.row, self._run_row, pending)
            while self._tally.under_way or self._may_reconcile():
                await self._change()
            if self._backlog.limited and not self.stopped:
                self.stopped = Stop("limit", "stopped: no more rows were to be begun (--limit)")
            self.stopped = self.stopped or self._preparation.stop
            tasks.cancel_scope.cancel()

    def _begin(
        self, tasks: TaskGroup, row: int, life: Callable[[Any], Awaitable[None]], of: SubmittedRow | PendingRow
    ) -> None:
        self._tally.under_way += 1
        self._trying += isinstance(of, PendingRow)
        self._backlog.hold(row)
        tasks.start_soon(self._tracked, life, of, name=f"row {of.number}")

    async def _tracked(self, life: Callable[[Any], Awaitable[None]], of: SubmittedRow | PendingRow) -> None:
        await life(of)
        self._tally.under_way -= 1
        self._trying -= isinstance(of, PendingRow)
        self._wake()

    def _wake(self) -> None:
        """Something has changed that the choosing of rows waits for."""
        self._changed.set()

    # Choosing rows

    async def _next(self) -> PendingRow | None:
        """The next row to submit, as soon as there is room for it; None when there will be none."""
        while not self.stopped:
            self._preparation.fill_slots()
            if self._room() and (pending := await self._backlog.next()):
                return pending
            if self._backlog.none_left and not (self._tally.under_way or self._may_reconcile()):
                return None
            if not self._room():
                await self._backlog.read_ahead()
            await self._change()
        return None

    def _room(self) -> bool:
        """Whether another row may be begun; while one is tried after a stop, none."""
        if self._stopped_for and self._trying:
            return False
        return self._preparation.room and self._slot_free()

    def _slot_free(self) -> bool:
        """Rows that are being prepared take none; nor do those whose results are fetched, unless they are a crowd."""
        fetching = min(self._tally.fetching, self._limit.size)
        return self._tally.under_way - fetching - self._tally.preparing < self._limit.size

    async def _change(self) -> None:
        """Until a row has ended, or one that waits for another try is due."""
        due = self._backlog.due if self._room() and not self.stopped else float("inf")
        with anyio.CancelScope(deadline=due):
            await self._changed.wait()
        self._changed = anyio.Event()

    # One row

    async def _run_row(self, pending: PendingRow) -> None:
        """From pending as far as it goes."""
        prepared = await self._preparation.prepare(pending)
        match prepared:
            case Prepared(arguments):
                if accepted := await self._submit(pending, arguments):
                    await self._follow(replace(pending, tries=pending.tries + 1), accepted)
            case Again(seconds):
                self._backlog.put_back(pending, seconds)
            case Left():
                pass  # it stays as it is, for the next run
            case AccountRefused(error_type, message):
                self._stop(Stop(error_type, message, recall=True))
            case Refused(error_type, message):
                await self._unsendable(pending, error_type, message)

    async def _unsendable(self, pending: PendingRow, error_type: str, message: str) -> None:
        await self._write(pending.row, states.unsendable(self._settings.now(), error_type, message))
        await self._on_failure(self._refusals, error_type)
        self._tally.failed += 1

    async def _submit(self, pending: PendingRow, arguments: Arguments) -> AtFal | None:
        admitted = await self._admission.enter()
        if admitted is None:
            return None
        posted: Posted | NoRoom | None = None
        try:
            with self._recall.posting():
                posted = await self._submission.post(pending, arguments)
        finally:
            self._admission.leave(admitted, posted.outcome if isinstance(posted, Posted) else None)
        if isinstance(posted, Posted):
            receipt = await self._on_submitted(pending, posted.outcome)
            if posted.outcome.late and self._tasks:
                self._tasks.start_soon(self._take_late, self._tasks, pending.row, posted, name="late receipt")
            return AtFal(receipt, posted.start_timeout, posted.sent, posted.outcome.position) if receipt else None
        if isinstance(posted, NoRoom):
            self._wait_for_budget(pending, posted.cap)
        return None

    def _on_claimed(self) -> None:
        self._at_fal += 1

    def _wait_for_budget(self, pending: PendingRow, cap: Cap) -> None:
        """What is under way may fail at no cost and leave room; with nothing under way there is none."""
        if self._at_fal:
            self._over_budget.append(pending)
        else:
            self._stop(Stop("budget", f"stopped submitting: the next row would go over {cap}", cap))

    def _request_ended(self) -> None:
        """It may have left room in the budget for the rows that wait for some."""
        self._at_fal -= 1
        for pending in self._over_budget:
            self._backlog.put_back(pending, 0.0)
        self._over_budget.clear()

    async def _on_submitted(self, pending: PendingRow, outcome: SubmitOutcome) -> Receipt | None:
        if outcome.receipt:
            self._refusals.succeeded()
            return outcome.receipt
        self._request_ended()
        if outcome.again:
            self._backlog.put_back(pending, 0.0)  # admission keeps it waiting
        if outcome.failure:
            await self._on_failure(self._refusals, outcome.failure)
        self._stop(outcome.stop)
        self._tally.failed += outcome.transition.new is State.FAILED
        self._tally.in_doubt += outcome.transition.new is State.IN_DOUBT
        self._patience.in_doubt += outcome.transition.new is State.IN_DOUBT
        return None

    async def _on_failure(self, streak: FailureStreak, error_type: str, *, resumed: bool = False) -> None:
        why = streak.failed(error_type)
        if error_type == self._stopped_for and not resumed:
            message = f"stopped submitting: a row ended as those of the run that stopped ({error_type})"
            why = Stop("failures", message, recall=True)
        if why:
            self._stop(why)
            with anyio.CancelScope(shield=True):
                await self._store.keep_stopped_for(error_type)

    async def _on_success(self) -> None:
        self._failures.succeeded()
        if self._stopped_for:
            self._stopped_for = ""
            with anyio.CancelScope(shield=True):
                await self._store.keep_stopped_for("")

    def _stop(self, why: Stop | None) -> None:
        if not why:
            return
        self.stopped = self.stopped or why
        if why.recall:
            self._unwanted.set()
        self._admission.close()
        self._preparation.close()
        self._wake()

    async def recall(self, why: Stop) -> None:
        """Submits nothing more and takes back what waits in fal's line, for `RECALL_SECONDS` at most."""
        self._stop(why)
        await self._recall.all()

    async def _recall_after_stop(self) -> None:
        await self._unwanted.wait()
        await self._recall.all()

    async def _resume(self, submitted: SubmittedRow) -> None:
        """A request that an earlier run was given the receipt of."""
        age = max(0.0, self._settings.now() - submitted.submitted_at)
        self._at_fal += 1
        start_timeout = submitted.start_timeout or self._settings.start_timeout
        await self._follow(submitted.as_pending, AtFal(submitted.receipt, start_timeout, age=age, resumed=submitted))

    async def _follow(self, row: PendingRow, at_fal: AtFal) -> None:
        self._recall.rows[at_fal.receipt.request_id] = row.row
        end = await self._poller.end(
            at_fal.receipt,
            self._settings.group_of(row),
            at_fal.age,
            resumed=at_fal.resumed is not None,
            typical=self._settings.typical_of(row),
            recalled=at_fal.resumed is not None and at_fal.resumed.recalled,
            sent=at_fal.sent,
            position=at_fal.position,
            start_timeout=at_fal.start_timeout,
            freed=self._on_slot_freed,
        )
        try:
            if isinstance(end, Unheard):
                await self._on_unheard(row, end, at_fal.resumed)
            else:
                await self._on_ended(row, end, resumed=at_fal.resumed is not None)
        finally:
            self._tally.fetching -= 1
            del self._recall.rows[at_fal.receipt.request_id]

    async def _on_unheard(self, row: PendingRow, end: Unheard, resumed: SubmittedRow | None) -> None:
        before = resumed.asked_in_vain if resumed else None
        transition = transitions.of_unheard(end, self._settings.now(), row.price, before)
        await self._write(row.row, transition)
        self._request_ended()
        self._tally.failed += transition.new is State.FAILED
        self._tally.left += transition.new is State.SUBMITTED
        if not resumed:  # those of earlier runs are no reason to submit nothing in this one
            self._stop(self._failures.failed(end.error_type))

    async def _on_ended(self, row: PendingRow, end: Video | RequestFailed | NeverRan, *, resumed: bool) -> None:
        transition = transitions.of_end(end, self._settings.now(), row.price, row.tries, self._settings.retry)
        state = await self._write(row.row, transition)
        self._request_ended()
        if isinstance(end, Video):
            self._tally.succeeded += 1
            if state is State.PENDING:  # it is to have more takes
                self._backlog.put_back(replace(row, tries=0), 0.0)
            await self._on_success()
            return
        if isinstance(end, RequestFailed):
            await self._on_failure(self._failures, str(transition.changes["kind"]), resumed=resumed)
        self._tally.recalled += isinstance(end, NeverRan) and end.recalled
        self._tally.failed += transition.new is State.FAILED
        if transition.new is State.PENDING and row.place >= 0:  # what the manifest no longer has is not bought again
            tries = int(transition.changes.get("tries", row.tries))
            pause = retry.backoff(self._settings.retry, tries, self._settings.rand) if tries == row.tries else 0.0
            self._backlog.put_back(replace(row, tries=tries), pause)

    def _on_slot_freed(self) -> None:
        self._tally.fetching += 1
        self._wake()

    async def _write(self, row: int, transition: Transition) -> State:
        with anyio.CancelScope(shield=True):
            state = await self._store.apply(row, transition)
        self._tally.spent += transition.cost
        return state

    # Rows in doubt

    async def _reconcile(self, tasks: TaskGroup) -> None:
        """One look at fal's records; rows found are followed by the caller, or here once the run is under way."""
        async with self._settling:
            verdicts = await self._reconciler.round()
        in_doubt = sum(not row.open_elsewhere for row in await self._store.in_doubt_rows())
        self._patience.looked(verdicts, in_doubt)
        if isinstance(verdicts, Unclear):
            return
        self.candidates = verdicts.candidates
        for row in verdicts.absent:
            if pending := await self._store.pending_row(row):
                self._backlog.put_back(pending, 0.0)  # wherever the reading of the table has come to: from here
        if verdicts.found and self._started:
            submitted = {one.row: one for one in await self._store.submitted_rows()}
            for row in verdicts.found:
                self._tally.in_doubt -= self._backlog.holds(row)
                self._begin(tasks, row, self._resume, submitted[row])

    async def _take_late(self, tasks: TaskGroup, row: int, posted: Posted) -> None:
        """A submit that was given up: its receipt, should it come yet, is as good as any."""
        if posted.outcome.late and await self._late.take(row, posted.intent_at, posted.outcome.late):
            submitted = {one.row: one for one in await self._store.submitted_rows()}
            self._tally.in_doubt -= 1
            self._patience.in_doubt -= 1
            self._begin(tasks, row, self._resume, submitted[row])

    async def _keep_reconciling(self, tasks: TaskGroup) -> None:
        self._started = True
        looked = current_time()
        while True:
            await anyio.sleep(IDLE_SECONDS)
            due = looked + self._patience.pause(current_time(), busy=self._tally.under_way > 0)
            if self._patience.in_doubt and current_time() >= due:
                await self._reconcile(tasks)
                looked = current_time()
            self._wake()

    def _may_reconcile(self) -> bool:
        return self._patience.lasts(current_time(), busy=self._tally.under_way > 0)
