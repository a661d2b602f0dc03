"""`cancel`: takes back what is at fal, all of it or the rows that a person names."""

import shlex
import time
from dataclasses import dataclass, field

import anyio

from batch.commands.at_work import stop_worker, worker_at
from batch.commands.batch import Batch
from batch.commands.doubts import ask_after
from batch.commands.messages import Say
from batch.commands.remembered_options import last_run, results_file
from batch.commands.session import open_session
from batch.core import states
from batch.core.gateway import (
    CancelRequested,
    Finished,
    Gateway,
    Gateways,
    NotFound,
    PollAnswer,
    RequestFailed,
    TooLate,
    Unclear,
    Waiting,
)
from batch.core.retry import cost
from batch.core.row import RowSelection, SubmittedRow
from batch.core.states import State
from batch.errors import LedgerBusy, UsageError
from batch.ledger.ledger import Ledger
from batch.ledger.selection import selected_rows
from batch.ledger.summary import summarize
from batch.reports.outcome import Outcome


@dataclass(slots=True)
class CancelReport:
    """What cancelling came to."""

    cancelled: int = 0
    kept: list[str] = field(default_factory=list)
    """What could not be taken back, a line each."""


def cancel_batch(batch: Batch, named: RowSelection, say: Say, *, stop: bool = False) -> tuple[CancelReport, Outcome]:
    """Asks fal to take back what is there: all of it, or the named rows; and where the batch stands then.

    Args:
        stop: a run that is at work is stopped first.

    Raises:
        BatchError: there is nothing to cancel with; UsageError: a named row cannot be taken back; LedgerBusy: a run is
            at work, which would go on submitting.
    """
    if worker := worker_at(batch.ledger):
        if not stop:
            raise LedgerBusy(
                f"a run is at work on {batch.manifest.path} (process {worker.pid} on {worker.host}): stop it first, by "
                f"Ctrl-C where it runs or by `kling-batch cancel {shlex.join(batch.command)} --stop`"
            )
        stop_worker(worker, batch.ledger, say)
    return anyio.run(_cancel, batch, named, say)


async def _cancel(batch: Batch, named: RowSelection, say: Say) -> tuple[CancelReport, Outcome]:
    now = time.time()
    async with open_session(batch, now, say) as session:
        done = await take_back(session.ledger, session.gateways, named, now)
        standing = summarize(session.ledger)
    after = ask_after(standing) if standing.in_doubt else None
    return done, Outcome(
        standing=standing,
        table=str(results_file(batch.ledger, batch.table)),
        command=batch.command,
        kept=last_run(batch.ledger),
        now=now,
        ask_after=after,
    )


async def take_back(ledger: Ledger, gateways: Gateways, named: RowSelection, now: float) -> CancelReport:
    """Asks fal to take requests back: all, or those of the named rows. A named row that waits is just cancelled.

    A queued request is gone and free; a running one may go on, and may be billed.

    Raises:
        UsageError: a named row has ended, or is in doubt; nothing was asked for.
    """
    chosen = selected_rows(ledger, named)
    for row in chosen:
        if row.state not in (State.PENDING, State.SUBMITTED):
            raise UsageError(f"row {row.number} is {row.state}: there is nothing to take back")
    done = CancelReport()
    with ledger.transaction():
        for row in chosen:
            if row.state is State.PENDING:
                ledger.apply(row.row, states.cancelled(State.PENDING, now, 0))
                done.cancelled += 1
    wanted = {row.row for row in chosen}
    for submitted in ledger.submitted_rows():
        if not named or submitted.row in wanted:
            gateway = gateways.at(submitted.receipt.endpoint)
            await _take_back_one(ledger, gateway, submitted, now, done)
    return done


async def _take_back_one(
    ledger: Ledger, gateway: Gateway, submitted: SubmittedRow, now: float, done: CancelReport
) -> None:
    before = await gateway.poll(submitted.receipt)
    answer = await gateway.cancel(submitted.receipt)
    after = await gateway.poll(submitted.receipt) if isinstance(answer, CancelRequested) else None
    name = f"row {submitted.number}" if submitted.number else f"request {submitted.receipt.request_id}"
    if isinstance(after, Finished):
        await _taken(ledger, gateway, submitted, before, after, now, done, name)
    elif isinstance(answer, NotFound | Unclear):
        done.kept.append(f"{name}: fal did not take it back ({answer.reason})")
    elif isinstance(answer, TooLate):
        done.kept.append(f"{name}: already done; the next run brings it home")
    else:
        done.kept.append(f"{name}: it runs already and may complete all the same; the next run brings it home")


async def _taken(
    ledger: Ledger,
    gateway: Gateway,
    submitted: SubmittedRow,
    before: PollAnswer,
    after: Finished,
    now: float,
    done: CancelReport,
    name: str,
) -> None:
    end = await gateway.collect(submitted.receipt, after)
    if not isinstance(end, RequestFailed) or end.status != 499:
        done.kept.append(f"{name}: it was done before it could be taken back; the next run brings it home")
        return
    queued = isinstance(before, Waiting) and not before.running
    spent = (
        0 if queued else cost(end, submitted.price)
    )  # fal docs: queue time is free; a run that was cut off may be billed
    with ledger.transaction():
        ledger.apply(submitted.row, states.cancelled(State.SUBMITTED, now, spent))
    done.cancelled += 1
