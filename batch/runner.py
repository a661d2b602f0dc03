"""A run put together: manifest, ledger, gateway, dispatcher, results. The command line and the Python API call it."""

import os
import random
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, closing
from dataclasses import dataclass, field
from pathlib import Path

import anyio
from anyio import current_time

from batch import progress, states
from batch.dispatch import Dispatcher, Gateway, Settings, Tally
from batch.enrol import Findings, enrol, match
from batch.errors import Exit, LedgerError
from batch.job import Arguments, dollars
from batch.journal import journal
from batch.ledger import Ledger, locked
from batch.manifest import Manifest
from batch.results import Results, Saved, refuse_foreign_columns, require_ours
from batch.summary import Outcome, Standing, prices_to_run, standing

SAVE_SECONDS = 30.0
SAVE_SHARE = 0.02
"""Saving takes no more than this share of the time, however large the table is."""

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

    concurrency: int = 10
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
    with locked(batch.ledger), closing(Ledger.open(batch.ledger)) as ledger:
        try:
            return await _run(batch, ledger, connect, options, say)
        except (sqlite3.Error, ExceptionGroup) as caught:
            error = _only(caught)
            if not isinstance(error, sqlite3.Error):
                raise error from None
            raise LedgerError(
                f"the ledger {batch.ledger} cannot be written ({error}): make room on the disk, then run again. "
                "Nothing more was submitted; what was is picked up by the next run"
            ) from error


def _only(error: Exception) -> Exception:
    """The error itself, out of the groups that task groups wrap it in; the first one where there are several."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


async def _run(batch: Batch, ledger: Ledger, connect: Connect, options: Options, say: Say) -> Outcome:
    findings = _take_stock(batch, ledger, options)
    before = standing(ledger)
    saver = _Saver(Results(batch.manifest, batch.ledger, batch.target), say)
    ended = _Ended()
    if findings.invalid:
        say(f"{findings.invalid} rows cannot be run as they are; `kling-batch check` lists why")
    if before.to_run:
        prices = prices_to_run(ledger, batch.manifest.job).text()
        say(f"{before.to_run} rows to run for {dollars(before.to_run_price)} {prices}")
    if before.to_run or before.count(states.Status.SUBMITTED) or before.orphans:
        async with connect() as gateway:
            await _night(batch, ledger, gateway, options, before, saver, ended)
    saved = saver.last()
    return Outcome(
        standing=standing(ledger),
        table=str(saved.path),
        command=batch.command,
        spent_now=ended.tally.spent,
        interrupted=ended.interrupted,
        stopped=ended.stopped,
        left=ended.tally.left,
    )


def _take_stock(batch: Batch, ledger: Ledger, options: Options) -> Findings:
    """What an earlier run left in the air is written down as such; then the manifest is enrolled."""
    now = options.now()
    with ledger.transaction():
        for row in ledger.interrupted():
            ledger.apply(row, states.reply_lost(now, "the run ended while this row was being submitted"))
    findings = match(ledger, batch.manifest.plan(batch.manifest.open()), batch.manifest.job.endpoint)
    enrol(ledger, now, new=True)
    if options.before:
        with ledger.transaction():
            options.before(ledger, now)
    return findings


@dataclass(slots=True)
class _Ended:
    tally: Tally = field(default_factory=Tally)
    interrupted: bool = False
    stopped: str | None = None


async def _night(
    batch: Batch, ledger: Ledger, gateway: Gateway, options: Options, before: Standing, saver: "_Saver", ended: _Ended
) -> None:
    settings = Settings(
        concurrency=options.concurrency,
        now=options.now,
        rand=options.rand,
        typical_seconds=batch.typical,
        kind_of=batch.kind_of,
    )
    rows = before.to_run + before.count(states.Status.SUBMITTED)
    pace = progress.Pace(rows, options.concurrency, batch.typical)
    async with journal(ledger) as book, anyio.create_task_group() as tasks:
        dispatcher = Dispatcher(book, gateway, settings)
        ended.tally = dispatcher.tally
        tasks.start_soon(_until_signal, tasks.cancel_scope, ended, saver.say, name="signals")
        tasks.start_soon(saver.keep, dispatcher.tally, name="results")
        if options.watch:
            tasks.start_soon(progress.show, dispatcher, pace, sys.stderr, name="progress")
        await dispatcher.run()
        if dispatcher.stopped:
            ended.stopped = f"stopped: {dispatcher.stopped.message} {_REMEDY.get(dispatcher.stopped.kind, '')}".rstrip()
        tasks.cancel_scope.cancel()


_REMEDY = {
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
            say("stopping: nothing more is submitted; what is under way is picked up by the next run")
            scope.cancel()


class _Saver:
    """Saves the table every so often while something changes, and at the end."""

    def __init__(self, results: Results, say: Say) -> None:
        self._results = results
        self.say = say
        self._trouble: str | None = None

    async def keep(self, tally: Tally) -> None:
        """Until cancelled; a save that has begun is finished."""
        pause, seen = SAVE_SECONDS, ""
        while True:
            await anyio.sleep(pause)
            if (now := repr(tally)) == seen:
                continue
            seen, began = now, current_time()
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(self.last)
            pause = max(SAVE_SECONDS, (current_time() - began) / SAVE_SHARE)

    def last(self) -> Saved:
        """One save; where the table cannot be written, that is said once."""
        saved = self._results.save()
        if saved.trouble and saved.trouble != self._trouble:
            self.say(f"{saved.trouble}: the results are in {saved.path}")
        self._trouble = saved.trouble
        return saved
