"""A run put together: manifest, ledger, gateway, dispatcher, results. The command line and the Python API call it."""

import os
import random
import signal
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
from anyio import current_time

from batch.core import gateway as a
from batch.core import states
from batch.core.gateway import Gateway
from batch.core.money import Budget, dollars
from batch.dispatch.dispatcher import Dispatcher, Settings, Stop, Tally
from batch.errors import Exit, LedgerError, LedgerLost, ManifestError, UsageError
from batch.fal import pricing
from batch.job import Arguments
from batch.ledger.async_ledger import Journal, journal
from batch.ledger.enrolment import enrol, standing_findings
from batch.ledger.file import locked
from batch.ledger.ledger import Ledger
from batch.ledger.matching import Findings, match
from batch.ledger.snapshot import Reading, remembered
from batch.ledger.summary import prices_to_run, standing
from batch.manifest.loader import Manifest
from batch.reports import progress
from batch.reports.outcome import Outcome, counted
from batch.results_writer.autosave import Saver
from batch.results_writer.overwrite_checks import refuse_foreign_columns, require_ours
from batch.results_writer.writer import Results
from batch.table import TableChanged

PRICE_SECONDS = 2.0
"""How long fal's price of today is waited for; without it the published one counts."""

READS = 5
"""How often a table is read that changes meanwhile."""

Say = Callable[[str], None]
Connect = Callable[[], AbstractAsyncContextManager[Gateway]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A manifest, its ledger, and where its results go.

    Args:
        target: the results' file where it is not the manifest itself.
        typical_seconds: how long a request usually runs, where it is not the job's own word.
        command: the arguments that name this batch on a command line.
    """

    manifest: Manifest
    ledger: Path
    target: Path | None = None
    typical_seconds: float | None = None
    price_told: bool = False
    """The manifest's prices are the user's own word."""
    command: Sequence[str] = ()

    @property
    def table(self) -> Path:
        return self.target or self.manifest.path

    @property
    def typical(self) -> float:
        return self.typical_seconds or self.manifest.job.typical_seconds

    def kind_of(self, arguments: Arguments) -> str:
        """Requests of one price take about equally long."""
        job = self.manifest.job
        return str(arguments.get(job.price_by, job.default(job.price_by)))


def require_target(batch: Batch) -> None:
    """Results that go elsewhere must overwrite nothing of the user's."""
    if batch.target:
        require_ours(batch.target, batch.manifest)
        refuse_foreign_columns(batch.manifest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a run is to go.

    Args:
        before: changes to the ledger that come before the rows are chosen (`rerun`, `--stale`).
        watch: shows progress on stderr.
    """

    concurrency: int | None = None
    """How many requests are unfinished at fal at once; None: as many as the account runs, and a few that wait."""
    max_concurrency: int = 2000
    max_spend: int | None = None
    """Millionths of a dollar for this run, with what earlier runs left under way or in doubt."""
    max_spend_total: int | None = None
    """Millionths of a dollar over the ledger's whole life."""
    limit: int | None = None
    max_seconds: float | None = None
    """The run ends by then; what is under way is left to the next one."""
    stop_after: int = 10
    before: Callable[[Ledger, float], None] | None = None
    watch: bool = True
    now: Callable[[], float] = time.time
    rand: Callable[[], float] = field(default=random.random)


async def run(batch: Batch, connect: Connect, options: Options, say: Say) -> Outcome:
    """Runs what is pending and brings home what is under way.

    Args:
        connect: opens the gateway; called only where there is something to submit or to ask after.
        say: takes each message to the user.

    Raises:
        BatchError: nothing was spent, or nothing more will be.
    """
    require_target(batch)
    with locked(batch.ledger):
        fresh = not batch.ledger.exists()
        with Ledger.open(batch.ledger) as ledger:
            try:
                findings = _take_stock(batch, ledger, options)
            except BaseException:
                if fresh:  # nothing was submitted from it, and no refused run leaves anything behind
                    ledger.close()
                    batch.ledger.unlink()
                raise
            try:
                return await _run(batch, ledger, findings, connect, options, say)
            except (sqlite3.Error, ExceptionGroup) as caught:
                error = _only(caught)
                if not isinstance(error, sqlite3.Error):
                    raise error from None
                raise LedgerLost(
                    f"the ledger {batch.ledger} cannot be written any more ({error}): make room on the disk, or mend "
                    "what keeps it from being written, and run again. Nothing more was submitted; what was is picked up"
                ) from error


@asynccontextmanager
async def at_hand(
    batch: Batch, connect: Connect, now: float, say: Say
) -> AsyncIterator[tuple[Ledger, Journal, Gateway]]:
    """The ledger held, brought up to date, and the gateway open: for what a person settles between runs.

    Raises:
        BatchError: there is no ledger, another run holds it, or there is no key.
    """
    if not batch.ledger.exists():
        raise LedgerError(f"{batch.manifest.path} has no ledger yet: nothing was run")
    with locked(batch.ledger), Ledger.open(batch.ledger) as ledger:
        _write_down_interrupted(ledger, now)
        try:
            async with connect() as gateway, journal(ledger) as book:
                yield ledger, book, gateway
        except ExceptionGroup as caught:
            raise _only(caught) from None
        Saver(Results(batch.manifest, batch.ledger, batch.target), say).finish(ledger)


def _write_down_interrupted(ledger: Ledger, now: float) -> None:
    """What an earlier run left in the air: its POST may have arrived."""
    with ledger.transaction():
        for row in ledger.interrupted():
            ledger.apply(row, states.reply_lost(now, "the run ended while this row was being submitted"))


def _only(error: Exception) -> Exception:
    """The error itself, out of the groups that task groups wrap it in; the first one where there are several."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


async def _run(
    batch: Batch, ledger: Ledger, findings: Findings, connect: Connect, options: Options, say: Say
) -> Outcome:
    saver = Saver(Results(batch.manifest, batch.ledger, batch.target), say)
    ended = _Ended()
    if findings.invalid:
        say(f"{counted(findings.invalid)} cannot be run: `kling-batch check` lists why")
    before = standing(ledger)
    if before.to_run or before.at_fal or before.in_doubt:
        async with connect() as gateway:
            if before.to_run:
                await _say_price(batch, ledger, gateway, say)
            budget = _budget(ledger, options)
            await _night(batch, ledger, gateway, options, budget, saver, ended)
    saved = saver.finish(ledger)
    return Outcome(
        standing=standing(ledger),
        table=str(saved.path or batch.ledger),
        unwritten=saved.path is None,
        command=batch.command,
        spent_now=ended.tally.spent,
        interrupted=ended.interrupted,
        stopped=ended.stopped,
        left=ended.tally.left,
    )


async def _say_price(batch: Batch, ledger: Ledger, gateway: Gateway, say: Say) -> None:
    """Before anything is spent: fal's price of today where nobody said another and fal tells it soon."""
    job = batch.manifest.job
    if not batch.price_told:
        said: a.UnitPrice | a.Unclear = a.Unclear("no answer")
        with anyio.move_on_after(PRICE_SECONDS):
            said = await gateway.unit_price()
        live = pricing.live_prices(job, said) if isinstance(said, a.UnitPrice) else None
        if live is not None:
            ledger.reprice(job, live)
            if (told := pricing.difference(job, live)) is not None:
                say(told)
        elif isinstance(said, a.UnitPrice):
            unit = f"{said.amount} {said.currency} a {said.unit}"
            say(f"fal's price is now {unit}: not understood, so the published one counts")
    now = standing(ledger)
    say(f"{counted(now.to_run)} to run for {dollars(now.to_run_price)} {prices_to_run(ledger, job).text()}")


def _budget(ledger: Ledger, options: Options) -> Budget:
    budget = Budget(options.max_spend, options.max_spend_total, ledger.money().spent)
    if budget.capped and (unpriced := standing(ledger).unpriced):
        raise UsageError(f"the price of {unpriced} rows is not known, so no budget can be kept: give it with --price")
    return budget


def _take_stock(batch: Batch, ledger: Ledger, options: Options) -> Findings:
    """What an earlier run left in the air is written down as such; then the manifest is enrolled."""
    now = options.now()
    _write_down_interrupted(ledger, now)
    findings = _read(batch, ledger, now, anew=options.before is not None)
    if options.before:
        with ledger.transaction():
            options.before(ledger, now)
    return findings


def _read(batch: Batch, ledger: Ledger, now: float, *, anew: bool) -> Findings:
    for _ in range(READS):
        try:
            return _enrolled(batch.manifest, ledger, now, anew=anew)
        except TableChanged:
            continue  # it was saved while it was being read
    raise ManifestError(f"{batch.manifest.path} is being written by another program all the time: run again later")


def _enrolled(manifest: Manifest, ledger: Ledger, now: float, *, anew: bool) -> Findings:
    """The manifest matched and enrolled, unless it is the one that was. `anew`: also then, for who reads `incoming`."""
    table = manifest.open()
    digest, known = table.digest(), remembered(ledger, manifest.settings)
    if known and known.final and known.digest == digest and not anew:
        return standing_findings(ledger)
    findings = match(ledger, manifest.plan(table))
    reading = Reading(digest, manifest.settings, table.count or 0, table.width)
    enrol(ledger, now, new=True, reading=None if manifest.inspector.asked else reading)
    return findings


@dataclass(slots=True)
class _Ended:
    tally: Tally = field(default_factory=Tally)
    interrupted: bool = False
    stopped: str | None = None


async def _night(
    batch: Batch, ledger: Ledger, gateway: Gateway, options: Options, budget: Budget, saver: Saver, ended: _Ended
) -> None:
    deadline = current_time() + (options.max_seconds or float("inf"))
    settings = Settings(
        concurrency=options.concurrency,
        most=options.max_concurrency,
        now=options.now,
        rand=options.rand,
        typical_seconds=batch.typical,
        kind_of=batch.kind_of,
        budget=budget,
        limit=options.limit,
        deadline=deadline,
        stop_after=options.stop_after,
    )
    now = standing(ledger)
    rows = min(now.to_run, options.limit or now.to_run) + now.at_fal
    pace = progress.Pace(rows, batch.typical)
    async with anyio.create_task_group() as watch:
        async with journal(ledger) as book, anyio.create_task_group() as tasks:
            dispatcher = Dispatcher(book, gateway, settings)
            ended.tally = dispatcher.tally
            # In a group of its own: the second signal must find somebody while the first one's work winds down.
            watch.start_soon(_until_signal, tasks.cancel_scope, ended, saver.say, name="signals")
            tasks.start_soon(saver.keep, dispatcher.tally, now.total, name="results")
            if options.watch:
                tasks.start_soon(progress.show, dispatcher, pace, sys.stderr, name="progress")
            with anyio.CancelScope(deadline=deadline) as in_time:
                await dispatcher.run()
            ended.stopped = _why(dispatcher.stopped, in_time.cancelled_caught)
            tasks.cancel_scope.cancel()
        watch.cancel_scope.cancel()


def _why(stopped: Stop | None, out_of_time: bool) -> str | None:
    if stopped:
        return f"{stopped.message} {_REMEDY.get(stopped.kind, '')}".rstrip()
    return "stopped: the time is up; the next run brings home what is under way" if out_of_time else None


_REMEDY = {
    "budget": "— raise --max-spend to go on",
    "failures": "— mend what is wrong, then run again; --stop-after sets how many are too many",
    "locked": "— top up or unlock the account at https://fal.ai/dashboard/billing, then run again",
    "http_401": "— set FAL_KEY to a valid key (https://fal.ai/dashboard/keys), then run again",
    "http_402": "— top up the account at https://fal.ai/dashboard/billing, then run again",
    "http_403": "— check what the key may do (https://fal.ai/dashboard/keys), then run again",
}


async def _until_signal(scope: anyio.CancelScope, ended: _Ended, say: Say) -> None:
    """The first signal stops the run in good order, the second one at once; either is safe."""
    wanted = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    with anyio.open_signal_receiver(*wanted) as signals:
        async for _ in signals:
            if ended.interrupted:
                os._exit(Exit.INTERRUPTED)  # asked twice: the ledger has everything, nothing is waited for
            ended.interrupted = True
            say(
                "stopping: nothing more is submitted; what is under way is picked up by the next run. A submit that is "
                "on its way is waited for, up to a minute (once more: stop at once, as safe)"
            )
            scope.cancel()
