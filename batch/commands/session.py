"""Holds the ledger and opens the gateway, to fal or to the sandbox, for a command."""

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass

from batch.commands.batch import Batch
from batch.commands.messages import Say
from batch.commands.remembered_options import note_results, remember
from batch.core import states
from batch.core.gateway import Gateways
from batch.errors import LedgerError, ManifestError
from batch.ledger.async_ledger import AsyncLedger, async_ledger
from batch.ledger.file import locked
from batch.ledger.ledger import Ledger
from batch.results_writer.autosave import Autosave
from batch.results_writer.overwrite_checks import note_target
from batch.results_writer.writer import ResultsWriter
from batch.table import TableChanged

Connect = Callable[[Batch], AbstractAsyncContextManager[Gateways]]
"""Opens the gateways that a batch goes through."""


@asynccontextmanager
async def connect(batch: Batch) -> AsyncIterator[Gateways]:
    """The gateways to fal, or to a sandbox of the batch's own.

    Raises:
        MissingKey, MissingExtra, UsageError: it cannot be opened.
    """
    if batch.sandbox:
        from batch.commands.sandbox import connect_sandbox

        async with connect_sandbox(batch) as gateways:
            yield gateways
    else:
        from batch.commands.account_book import uploads_in_book
        from batch.fal.client import FalGateway  # fal-client takes 0.3 s to load: only where something is submitted
        from batch.manifest.upload_forms import upload_form

        with uploads_in_book() as uploads:
            if batch.fleet:
                from batch.commands.on_cluster import connect_workers

                async with connect_workers(batch, batch.fleet, uploads) as gateways:
                    yield gateways
                return
            async with FalGateway(
                batch.manifest.job,
                local=batch.manifest.local,
                book=uploads,
                form=upload_form,
                lifecycle=batch.keep,
                logs=batch.logs,
                job_at=batch.manifest.jobs.at,
            ) as gateways:
                yield gateways


@dataclass(frozen=True, slots=True)
class Session:
    """What a command works with that settles rows between runs."""

    ledger: Ledger
    store: AsyncLedger
    gateways: Gateways


@asynccontextmanager
async def open_session(batch: Batch, now: float, say: Say, connect: Connect = connect) -> AsyncIterator[Session]:
    """The ledger held, brought up to date, and the gateway open; at its end the table is saved.

    Raises:
        BatchError: there is no ledger, another run holds it, there is no key, an option names what the table does not
            have, or results would overwrite something.
    """
    if not batch.ledger.exists():
        raise LedgerError(f"{batch.manifest.path} has no ledger yet: nothing was run")
    batch.checked_table()
    with suppress(ManifestError, TableChanged):  # the table may be out of reach now: what is at fal is not
        batch.manifest.columns(batch.manifest.open())
    with locked(batch.ledger), Ledger.open(batch.ledger) as ledger:
        batch.require_own_model(ledger)
        batch.note_model(ledger)
        batch = batch.with_rows_of(ledger)
        note_target(ledger, batch.target)
        record_interrupted(ledger, now)
        from batch.commands.account_book import account_book  # hashing and SQLite's book: only where they are used

        with ungrouped_errors():
            async with (
                connect(batch) as gateways,
                account_book(batch, ledger, gateways, time.time, say),
                async_ledger(ledger) as store,
            ):
                yield Session(ledger, store, gateways)
        saved = Autosave(ResultsWriter(batch.manifest, batch.ledger, batch.target), say).finish(ledger)
        note_results(ledger, batch.table, saved.path)
        if saved.path == batch.table:  # the table was read so, and its results are there
            remember(ledger, batch.manifest.path, batch.options)


def record_interrupted(ledger: Ledger, now: float) -> None:
    """What an earlier run left in the air: its POST may have arrived."""
    with ledger.transaction():
        for row in ledger.interrupted():
            ledger.apply(row, states.reply_lost(now, "the run ended while this row was being submitted"))


@contextmanager
def ungrouped_errors() -> Iterator[None]:
    """An error itself, out of the groups that task groups wrap it in; the first one where there are several."""
    try:
        yield
    except ExceptionGroup as group:
        raise _unwrap_group(group) from None


def _unwrap_group(error: Exception) -> Exception:
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error
