"""The Python API: the same engine as the command line.

import batch
outcome = batch.run("shots.csv", concurrency=10)
frame = batch.results("shots.csv")
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

import batch
from batch.checking import Checked
from batch.checking import check as _check
from batch.dispatch import Gateway
from batch.job import Job
from batch.manifest import Manifest
from batch.places import places
from batch.rehearsal import RUN_SECONDS
from batch.runner import Batch, Options
from batch.runner import run as _run
from batch.summary import Outcome
from jobs.kling import KLING_2_1_PRO

if TYPE_CHECKING:
    import pandas as pd


def open_batch(
    manifest: str | Path,
    *,
    mapped: Mapping[str, str] | None = None,
    prefix: str = "",
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
    said += ["--output", str(output)] if output else []
    said += ["--sandbox"] if sandbox else []
    return Batch(
        manifest=Manifest(
            path=path, job=job, mapped=mapped or {}, prefix=prefix, prices=job.prices, reads_own=target is None
        ),
        ledger=ledger,
        target=target,
        typical_seconds=RUN_SECONDS if sandbox else None,
        command=said,
    )


def check(manifest: str | Path, **table: object) -> Checked:
    """What is wrong with a manifest and what it will cost; spends nothing. Arguments as for `open_batch`."""
    return _check(open_batch(manifest, **table))  # type: ignore[arg-type]  # handed on as they came


def run_batch(batch: Batch, options: Options, say: Callable[[str], None], *, sandbox: bool) -> Outcome:
    """Runs a batch to its end on an event loop of its own."""
    return anyio.run(_run, batch, lambda: _connect(batch, sandbox=sandbox), options, say)


@asynccontextmanager
async def _connect(batch: Batch, *, sandbox: bool) -> AsyncIterator[Gateway]:
    if sandbox:
        from batch.rehearsal import connect

        async with connect(batch) as gateway:
            yield gateway
    else:
        from batch.fal import Fal  # fal-client takes 0.3 s to load: only where something is submitted

        async with Fal(batch.manifest.job, local=batch.manifest.local) as fal:
            yield fal


def run(
    manifest: "str | Path | pd.DataFrame",
    path: str | Path | None = None,
    *,
    concurrency: int = 10,
    say: Callable[[str], None] = lambda _: None,
    sandbox: bool = False,
    **table: object,
) -> Outcome:
    """Runs what is pending in a manifest and brings home what is under way.

    Args:
        manifest: a CSV or Parquet file, or a DataFrame of shots (columns as in a manifest).
        path: where a DataFrame's manifest is kept (Parquet); its ledger stands beside it.
        say: takes the messages that the command line prints to stderr.
        table: further arguments as for `open_batch`.

    Raises:
        BatchError: the manifest, the ledger or the key cannot be used.
    """
    from batch.frames import keep

    batch = open_batch(keep(manifest, path), sandbox=sandbox, **table)  # type: ignore[arg-type]
    return run_batch(batch, Options(concurrency=concurrency, watch=False), say, sandbox=sandbox)


def results(table: str | Path) -> "pd.DataFrame":
    """A table with its results as a DataFrame: every cell of a CSV as text, Parquet with its types."""
    from batch.frames import load

    return load(Path(table))


# The engine's own `batch.results` (a module) has bound the package's name by now; who writes it means the function.
vars(batch)["results"] = results
