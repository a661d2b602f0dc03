"""`resolve`: rows in doubt, or never heard of again, settled by a person or by fal's records."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import anyio

from batch.commands.batch import Batch
from batch.commands.doubts import ask_after
from batch.commands.messages import Say
from batch.commands.remembered_options import last_run, results_file
from batch.commands.session import open_session
from batch.core import states
from batch.core.gateway import START_TIMEOUT, Finished, Gateways, NotFound, Unclear, Video, Waiting
from batch.core.money import dollars
from batch.core.plain_text import one_line
from batch.core.row import RowSelection, SubmittedRow
from batch.core.states import State
from batch.core.store import RowStore
from batch.errors import UsageError
from batch.ledger.in_doubt import InDoubtView, in_doubt_views
from batch.ledger.ledger import Ledger
from batch.ledger.selection import selected_rows
from batch.ledger.summary import summarize
from batch.reconcile.evidence import provable_at
from batch.reconcile.reconciler import Reconciler
from batch.reports.clock import clock
from batch.reports.outcome import Outcome


class Choice(StrEnum):
    """What to do with a row in doubt."""

    ADOPT = "adopt"
    RESUBMIT = "resubmit"
    GIVE_UP = "give_up"


@dataclass(frozen=True, slots=True)
class Decision:
    """One choice for the named rows; `request_id` is the one to adopt."""

    rows: RowSelection
    choice: Choice
    request_id: str = ""


def resolve_batch(batch: Batch, decision: Decision | None, say: Say) -> tuple[list[str], Outcome]:
    """Carries out a decision and asks fal's records; the lines to show, and where the batch stands.

    Raises:
        BatchError: there is nothing to resolve with; UsageError: the decision cannot be carried out.
    """
    return anyio.run(_resolve, batch, decision, say)


async def _resolve(batch: Batch, decision: Decision | None, say: Say) -> tuple[list[str], Outcome]:
    now = time.time()
    lines = []
    async with open_session(batch, now, say) as session:
        ledger = session.ledger
        if decision:
            lines.append(f"{await decide(ledger, session.gateways, decision, now)} rows settled as you say")
        candidates: Mapping[int, Sequence[str]] = {}
        if in_doubt_views(ledger):
            line, candidates = await look_up(session.store, session.gateways, now, START_TIMEOUT)
            lines.append(line)
        rows = in_doubt_views(ledger)
        lines.append(shown(rows, START_TIMEOUT, now, candidates) if rows else "no row is in doubt")
        standing = summarize(ledger)
    return lines, Outcome(
        standing=standing,
        table=str(results_file(batch.ledger, batch.table)),
        command=batch.command,
        kept=last_run(batch.ledger),
        now=now,
        ask_after=ask_after(standing),
    )


async def look_up(
    store: RowStore, gateways: Gateways, now: float, start_timeout: float
) -> tuple[str, Mapping[int, Sequence[str]]]:
    """One look at fal's records for all rows in doubt: what came of it in a line, and what may be a row's own."""
    verdicts = await Reconciler(store, gateways, lambda: now, start_timeout).round()
    if isinstance(verdicts, Unclear):
        return f"fal's records cannot be read ({verdicts.reason}): rows in doubt stay as they are", {}
    line = f"fal's records: {len(verdicts.found)} found, {len(verdicts.absent)} proven never accepted"
    if verdicts.unread:
        line += f"; those of other models cannot be read ({verdicts.unread[0]})"
    return line, verdicts.candidates


async def decide(ledger: Ledger, gateways: Gateways, decision: Decision, now: float) -> int:
    """Carries out a person's decision; how many rows it settled.

    Raises:
        UsageError: a row is not in doubt, or the id to adopt is unknown at fal or another row's; nothing was changed.
    """
    chosen = selected_rows(ledger, decision.rows)
    unheard = {one.row: one for one in ledger.submitted_rows() if one.asked_in_vain}
    for row in chosen:
        if row.state != State.IN_DOUBT and (row.row not in unheard or decision.choice is Choice.ADOPT):
            raise UsageError(f"row {row.number} is not in doubt but {row.state}: nothing was changed")
        if row.row in unheard and (news := await _heard_of(gateways, unheard[row.row])):
            raise UsageError(f"row {row.number}: {news}; `kling-batch run` brings it home. Nothing was changed")
    if decision.choice is Choice.ADOPT:
        await _adopt(ledger, gateways, [row.row for row in chosen], decision.request_id, now)
        return 1
    with ledger.transaction():
        for row in chosen:
            price = row.price or 0
            if decision.choice is Choice.RESUBMIT:
                ledger.apply(row.row, states.resubmitted(now, price, row.state))
            else:
                why = "given up by hand; it may have been paid for"
                ledger.apply(row.row, states.given_up(now, why, price, row.state))
    return len(chosen)


async def _heard_of(gateways: Gateways, submitted: SubmittedRow) -> str | None:
    """What fal says now of a request that was asked after in vain, where that is a reason to wait for it."""
    gateway = gateways.at(submitted.receipt.endpoint)
    answer = await gateway.poll(submitted.receipt)
    if isinstance(answer, Waiting):
        return "fal is at work on it"
    if isinstance(answer, Finished) and isinstance(await gateway.collect(submitted.receipt, answer), Video):
        return "its video can be had now"
    return None


async def _adopt(ledger: Ledger, gateways: Gateways, rows: Sequence[int], request_id: str, now: float) -> None:
    if len(rows) != 1:
        raise UsageError(f"--adopt {request_id}: name exactly one row with --row or --id")
    gateway = gateways.at(ledger.endpoint_of(rows[0]))
    receipt = gateway.built_receipt(request_id)
    if taken := ledger.row_of(request_id):
        raise UsageError(f"--adopt {request_id}: this request is already that of row {taken} of the ledger")
    if isinstance(answer := await gateway.poll(receipt), NotFound | Unclear):
        raise UsageError(f"--adopt {request_id}: fal does not confirm this request ({answer.reason})")
    with ledger.transaction():
        ledger.apply(rows[0], states.found_at_fal(now, receipt))


def shown(
    rows: Sequence[InDoubtView], start_timeout: float, now: float, candidates: Mapping[int, Sequence[str]]
) -> str:
    """The rows in doubt for a person, with what is known and what can be done.

    Args:
        start_timeout: the start deadline, in seconds, of rows whose own is not known.
        candidates: row of the ledger → the requests at fal that may be its own.
    """
    lines = []
    for row in rows:
        name = f"row {row.number}" if row.number else "a row that the table no longer has"
        may_be = candidates.get(row.row, ())
        standing = (
            f"{name}{f' (id {row.row_id})' if row.row_id else ''}: {dollars(row.price)}, "
            f"{'held' if row.held else 'submitted'} {_time(now - row.intent_at)} ago, {row.message}; "
            f"{_when(row, start_timeout, now)}"
        )
        lines += [one_line(standing), f"    {row.prompt[:100]!r}"]
        lines += [one_line(f"    fal lists what may be its own: {', '.join(may_be[:5])}")] if may_be else []
    if rows:
        lines.append(
            "look at https://fal.ai/dashboard/requests, then decide by row: --row N --adopt REQUEST_ID (it is there), "
            "--row N --resubmit (buy it again), --row N --give-up (leave it)"
        )
    return "\n".join(lines)


def _when(row: InDoubtView, start_timeout: float, now: float) -> str:
    """When fal's records can prove that it was never accepted."""
    proof = provable_at(row.intent_at, row.start_timeout or start_timeout)
    if row.held:
        return "`kling-batch run` takes it over with --adopt-known, and pays again with --buy-again"
    if proof > now:
        return f"ask again after {clock(proof, now)}: from then on its absence can be proven"
    return "its absence is proven as soon as two later requests of yours are listed as ended"


def _time(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 5400 else f"{max(0.0, seconds) / 60:.0f} min"
