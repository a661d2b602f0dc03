"""`recover`: makes a lost or old ledger again, from the table's results and fal's records."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import anyio

from batch.commands.batch import Batch
from batch.commands.bought_before import ask, hold_rows
from batch.commands.doubts import ask_after
from batch.commands.remembered_options import last_run, remember
from batch.commands.session import Connect, connect, record_interrupted, ungrouped_errors
from batch.core import states
from batch.core.gateway import Receipt, Unclear
from batch.core.money import micros
from batch.core.row import PlannedRow
from batch.core.states import State, Status, Transition
from batch.errors import LedgerError, ManifestError, MissingKey, UsageError
from batch.job import Job, canonical
from batch.ledger.enrolment import enrol
from batch.ledger.file import is_whole, locked, replace_ledger, without_log
from batch.ledger.ledger import Ledger
from batch.ledger.matching import match
from batch.ledger.recovery import (
    KnownRow,
    add_row,
    held_rows,
    known_row,
    matched_row,
    note_asked,
    note_other_inputs,
    take_inputs,
    unknown_requests,
)
from batch.ledger.summary import summarize
from batch.manifest.past_results import prefixes, shows_purchase
from batch.reports.outcome import Outcome, counted
from batch.table import TableChanged

WHY = "recovered: {} shows this request, and the ledger did not know it"


@dataclass(frozen=True, slots=True)
class Shown:
    """What a file shows of a purchase: its record as it was planned, with our cells, and the row that it is."""

    file: Path
    plan: PlannedRow
    row: int

    @property
    def request_id(self) -> str:
        return self.plan.own.get("request_id", "")

    @property
    def status(self) -> Status:
        return Status(self.plan.own["status"])

    def at(self, column: str, otherwise: float) -> float:
        """A time that a cell tells, in seconds since 1970."""
        try:
            return datetime.fromisoformat(self.plan.own.get(column, "")).timestamp()
        except ValueError:
            return otherwise

    @property
    def cost(self) -> int:
        """What the row has cost in all, in millionths of a dollar; its price where the cell does not say."""
        try:
            return micros(self.plan.own.get("cost_usd", ""))
        except UsageError:
            return self.plan.price or 0


def recover_batch(batch: Batch) -> tuple[list[str], Outcome]:
    """Makes the ledger again and puts it into its place; what was done and what is not known, in lines.

    Raises:
        BatchError: the table cannot be read, or there is nothing to recover.
    """
    return anyio.run(recover, batch, time.time())


async def recover(batch: Batch, now: float, connect: Connect = connect) -> tuple[list[str], Outcome]:
    """The same at a time in seconds since 1970; `connect` is called only where rows are left to be asked after."""
    with locked(batch.ledger):
        draft = batch.ledger.with_name(f"{batch.ledger.name}.draft")
        begun = _begin(batch.ledger, draft)
        try:
            with Ledger.open(draft) as ledger:
                batch.require_own_model(ledger)
                batch.note_model(ledger)
                record_interrupted(ledger, now)
                taken = _take_over(batch, ledger, now)
                if not taken and begun == _WHOLE:
                    raise LedgerError(
                        f"{batch.ledger} is whole and knows every result in the table: there is nothing to recover. "
                        "Go on with `kling-batch run`"
                    )
                remember(ledger, batch.manifest.path, batch.options)
                lines = [begun, *_told(taken), await _ask_fal(batch, ledger, now, connect)]
            replace_ledger(draft, batch.ledger)
        finally:
            draft.unlink(missing_ok=True)
        with Ledger.read(batch.ledger) as ledger:
            standing = summarize(ledger)
        outcome = Outcome(
            standing=standing,
            table=str(batch.table),
            command=batch.command,
            kept=last_run(batch.ledger),
            now=now,
            ask_after=ask_after(standing),
        )
    return lines, outcome


# What there is to begin with

_WHOLE = "the ledger that is there was read"


def _begin(path: Path, draft: Path) -> str:
    """Copies what can be used of the ledger that is there to `draft`; says what that was."""
    draft.unlink(missing_ok=True)
    if not path.exists():
        return "there is no ledger: a new one is made"
    with suppress(LedgerError), Ledger.read(path) as ledger:
        Ledger.copied(ledger, draft).close()
        if is_whole(draft):
            return _WHOLE
    if without_log(path, draft):
        return "the ledger has lost its log: what stands in its file was read"
    draft.unlink(missing_ok=True)
    return "the ledger that is there cannot be used: a new one is made"


# What the tables show


def _take_over(batch: Batch, ledger: Ledger, now: float) -> list[Shown]:
    """Every purchase that a file shows and the ledger does not know, the earliest first."""
    _enrol(batch, ledger, now)
    shown: dict[str, Shown] = {}
    for path in filter(Path.exists, batch.results_files):
        for one in _shown(batch, ledger, path, frozenset(shown), now):
            shown.setdefault(one.request_id or f"{one.row} in doubt", one)
    taken = sorted(shown.values(), key=lambda one: one.at("submitted_at", now))
    with ledger.transaction():
        for one in taken:
            _take(batch, ledger, one, now)
    _enrol(batch, ledger, now)
    return taken


def _take(batch: Batch, ledger: Ledger, one: Shown, now: float) -> None:
    known = known_row(ledger, one.row)
    if not one.request_id and known.state is not State.PENDING:
        return  # another file shows what came of it
    for step in _steps(batch, ledger, one, known, now):
        ledger.apply(one.row, step)
    if one.status is not Status.STALE:
        take_inputs(ledger, one.row, one.plan)
    elif one.plan.fingerprint is not None:
        note_other_inputs(ledger, one.row, one.request_id)


def _enrol(batch: Batch, ledger: Ledger, now: float) -> None:
    try:
        match(ledger, batch.manifest.plan(batch.manifest.open()), refuse_foreign=False)
    except TableChanged as error:
        raise ManifestError(f"{error}: try again when that is done") from error
    enrol(ledger, now, new=True)


def _shown(batch: Batch, ledger: Ledger, path: Path, seen: frozenset[str], now: float) -> Iterator[Shown]:
    table = batch.manifest.open_like(path)
    for prefix in prefixes(table.columns):
        plans = list(replace(batch.manifest, prefix=prefix, reads_own=True).plan(table))
        match(ledger, plans, refuse_foreign=False)
        ours = [plan for plan in plans if shows_purchase(plan.own)]
        unknown = unknown_requests(ledger, [plan.own.get("request_id", "") for plan in ours])
        with ledger.transaction():
            for plan in ours:
                request_id, known = plan.own.get("request_id", ""), matched_row(ledger, plan.place)
                if request_id and request_id in unknown - seen:
                    unknown.discard(request_id)  # a record that was copied, results and all, shows it once more
                    yield Shown(path, plan, known.row if known else add_row(ledger, plan, request_id, now))
                elif not request_id and known and known.state is State.PENDING:
                    yield Shown(path, plan, known.row)


def _steps(batch: Batch, ledger: Ledger, one: Shown, known: KnownRow, now: float) -> Iterator[Transition]:
    """From where the ledger has the row to where the table shows it; what has not ended is followed home."""
    price = known.price
    yield from _to_pending(known.state, now)
    sent = one.at("submitted_at", now)
    if not one.request_id:
        yield states.claimed(now, None, price)
        yield states.held(now, f"recovered: {one.file.name} shows that it may have been paid for, but no request")
        return
    if known.state is not State.IN_DOUBT:
        yield states.claimed(sent, None, price)
        yield states.reply_lost(now, WHY.format(one.file.name))
    yield states.found_at_fal(sent, _receipt(ledger, one.row, one.request_id))
    yield from _end(batch, one, max(0, one.cost - known.spent), one.at("finished_at", now))


def _to_pending(state: State, now: float) -> Iterator[Transition]:
    match state:
        case State.SUBMITTED:
            yield states.another_try(now, "recovered", "a later request of this row was found", 0)
        case State.SUCCEEDED | State.FAILED | State.CANCELLED:
            yield states.again(state, now)
        case State.PENDING | State.SUBMITTING | State.IN_DOUBT:
            return


def _end(batch: Batch, one: Shown, cost: int, at: float) -> Iterator[Transition]:
    own, status = one.plan.own, one.status
    if status in (Status.SUCCEEDED, Status.STALE):
        yield states.succeeded(
            at, _result(batch.manifest.jobs.at(one.plan.endpoint), own["video_url"]), own["video_url"], cost
        )
    elif status is Status.FAILED:
        yield states.failed(at, own.get("error_type") or "unknown", own.get("error", ""), cost)
    elif status is Status.CANCELLED:
        yield states.cancelled(State.SUBMITTED, at, cost)


def _result(job: Job, url: str) -> str:
    """A result with this video, as the job's endpoint gives one."""
    found: Any = url
    for name in reversed(job.output or ("video", "url")):
        found = {name: found}
    return canonical(found)


def _receipt(ledger: Ledger, row: int, request_id: str) -> Receipt:
    from batch.fal.receipts import built_receipt  # fal-client takes 0.3 s to load

    return built_receipt(ledger.endpoint_of(row), request_id)


def _told(taken: list[Shown]) -> list[str]:
    by_file: dict[Path, Counter[str]] = {}
    for one in taken:
        by_file.setdefault(one.file, Counter())[one.status if one.request_id else "in_doubt"] += 1
    return [
        f"{file}: " + ", ".join(f"{count} {status}" for status, count in found.items()) + " taken over"
        for file, found in by_file.items()
    ] or ["no result that the ledger did not know stands in the table or beside it"]


# What fal's records show


async def _ask_fal(batch: Batch, ledger: Ledger, now: float, connect: Connect) -> str:
    """Rows that are still to be bought are looked for in fal's records; what came of it."""
    to_run = summarize(ledger).to_run
    if not to_run:
        return "no row is left to be bought"
    try:
        with ungrouped_errors():
            async with connect(batch) as gateways:
                found, unread = await ask(batch, ledger, gateways, now)
    except MissingKey as error:
        found, unread = [], Unclear(str(error))
    if unread and not found:
        return (
            f"fal's records were not read ({unread.reason}): whether {counted(to_run)} without a result were bought "
            "is not known; the next run asks before it buys"
        )
    hold_rows(ledger, found, now)
    with ledger.transaction():
        for row, request_id in held_rows(ledger):
            if request_id:
                ledger.apply(row, states.found_at_fal(now, _receipt(ledger, row, request_id)))
    if unread is None:
        note_asked(ledger)
    rest = to_run - len(found)
    return f"fal's records: {counted(len(found))} found and taken over" + (
        f"; {counted(rest)} in neither table nor records, and bought by the next run" if rest else ""
    )
