"""The Python API: the same engine as the command line.

import batch
outcome = batch.run("shots.csv", concurrency=10)
frame = batch.results("shots.csv")
"""

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from batch.commands.cancel import TakenBack, take_back
from batch.commands.check import Checked
from batch.commands.check import check as _check
from batch.commands.resolve import Decision, decide, look_up, shown
from batch.commands.run import Batch, Options, Say, at_hand
from batch.commands.run import run as _run
from batch.commands.sandbox import RUN_SECONDS
from batch.core.gateway import Gateway
from batch.core.money import micros, prices
from batch.core.paths import places
from batch.dispatch.dispatcher import START_TIMEOUT
from batch.job import Job
from batch.ledger.in_doubt import open_rows
from batch.ledger.selection import RowSelection
from batch.ledger.summary import standing
from batch.manifest.loader import Manifest
from batch.reports.outcome import Outcome
from jobs.kling import KLING_2_1_PRO

if TYPE_CHECKING:
    import pandas as pd


def open_batch(
    manifest: str | Path,
    *,
    mapped: Mapping[str, str] | None = None,
    prefix: str = "",
    price: str | None = None,
    output: str | Path | None = None,
    sandbox: bool = False,
    job: Job = KLING_2_1_PRO,
) -> Batch:
    """A batch, nothing read yet. See `Manifest` and `Batch` for the arguments."""
    path = Path(manifest)
    ledger, table = places(path, sandbox=sandbox, output=Path(output) if output else None)
    target = None if table == path else table
    said = [str(path)]
    said += [part for name, column in (mapped or {}).items() for part in ("--map", f"{name}={column}")]
    said += ["--prefix", prefix] if prefix else []
    said += ["--price", price] if price else []
    said += ["--output", str(output)] if output else []
    said += ["--sandbox"] if sandbox else []
    return Batch(
        manifest=Manifest(
            path=path,
            job=job,
            mapped=mapped or {},
            prefix=prefix,
            prices=prices(price, job.prices) if price else job.prices,
            reads_own=target is None,
        ),
        ledger=ledger,
        target=target,
        typical_seconds=RUN_SECONDS if sandbox else None,
        price_told=price is not None,
        command=said,
    )


def check(manifest: str | Path, **table: object) -> Checked:
    """What is wrong with a manifest and what it will cost; spends nothing. Arguments as for `open_batch`."""
    return _check(open_batch(manifest, **table))  # type: ignore[arg-type]  # handed on as they came


def run_batch(batch: Batch, options: Options, say: Callable[[str], None], *, sandbox: bool) -> Outcome:
    """Runs a batch to its end on an event loop of its own."""
    return anyio.run(_run, batch, lambda: _connect(batch, sandbox=sandbox), options, say)


def resolve_batch(batch: Batch, decision: Decision | None, say: Say, *, sandbox: bool) -> tuple[list[str], Outcome]:
    """Carries out a decision and asks fal's records; the lines to show, and where the batch stands."""
    return anyio.run(_resolve, batch, decision, say, sandbox)


async def _resolve(batch: Batch, decision: Decision | None, say: Say, sandbox: bool) -> tuple[list[str], Outcome]:
    now, start_timeout = time.time(), START_TIMEOUT
    lines = []
    async with at_hand(batch, lambda: _connect(batch, sandbox=sandbox), now, say) as (ledger, book, gateway):
        if decision:
            lines.append(f"{await decide(ledger, gateway, decision, now)} rows settled as you say")
        if open_rows(ledger):
            lines.append(await look_up(book, gateway, now, start_timeout))
        rows = open_rows(ledger)
        lines.append(shown(rows, start_timeout, now) if rows else "no row is in doubt")
        return lines, Outcome(standing=standing(ledger), table=str(batch.table), command=batch.command)


def cancel_batch(batch: Batch, named: RowSelection, say: Say, *, sandbox: bool) -> tuple[TakenBack, Outcome]:
    """Asks fal to take back what is there: all of it, or the named rows."""
    return anyio.run(_cancel, batch, named, say, sandbox)


async def _cancel(batch: Batch, named: RowSelection, say: Say, sandbox: bool) -> tuple[TakenBack, Outcome]:
    now = time.time()
    async with at_hand(batch, lambda: _connect(batch, sandbox=sandbox), now, say) as (ledger, _, gateway):
        done = await take_back(ledger, gateway, named, now)
        return done, Outcome(standing=standing(ledger), table=str(batch.table), command=batch.command)


@asynccontextmanager
async def _connect(batch: Batch, *, sandbox: bool) -> AsyncIterator[Gateway]:
    if sandbox:
        from batch.commands.sandbox import connect

        async with connect(batch) as gateway:
            yield gateway
    else:
        from batch.fal.client import Fal  # fal-client takes 0.3 s to load: only where something is submitted

        async with Fal(batch.manifest.job, local=batch.manifest.local) as fal:
            yield fal


def run(
    manifest: "str | Path | pd.DataFrame",
    path: str | Path | None = None,
    *,
    concurrency: int | None = None,
    max_concurrency: int = 2000,
    max_spend: float | None = None,
    max_spend_total: float | None = None,
    limit: int | None = None,
    max_seconds: float | None = None,
    stop_after: int = 10,
    say: Callable[[str], None] = lambda _: None,
    sandbox: bool = False,
    **table: object,
) -> Outcome:
    """Runs what is pending in a manifest and brings home what is under way.

    Args:
        manifest: a CSV or Parquet file, or a DataFrame of shots (columns as in a manifest).
        path: where a DataFrame's manifest is kept (Parquet); its ledger stands beside it.
        concurrency: how many requests are unfinished at fal at once; None: as many as the account runs, and a few more.
        max_spend, max_spend_total: US dollars, for this run and over the ledger's life.
        limit: how many rows are begun at most.
        max_seconds: the run ends by then, with everything home that can be.
        stop_after: so many rows in a row that end the same bad way stop the submitting; 0: never.
        say: takes the messages that the command line prints to stderr.
        table: further arguments as for `open_batch`.

    Raises:
        BatchError: the manifest, the ledger or the key cannot be used.
    """
    from batch.manifest.dataframes import keep

    batch = open_batch(keep(manifest, path), sandbox=sandbox, **table)  # type: ignore[arg-type]
    options = Options(
        concurrency=concurrency,
        max_concurrency=max_concurrency,
        max_spend=None if max_spend is None else micros(str(max_spend)),
        max_spend_total=None if max_spend_total is None else micros(str(max_spend_total)),
        limit=limit,
        max_seconds=max_seconds,
        stop_after=stop_after,
        watch=False,
    )
    return run_batch(batch, options, say, sandbox=sandbox)


def results(table: str | Path) -> "pd.DataFrame":
    """A table with its results as a DataFrame: every cell of a CSV as text, Parquet with its types."""
    from batch.manifest.dataframes import load

    return load(Path(table))
