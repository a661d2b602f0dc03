"""The Python API: `check`, `run` and `results`, the same engine as the command line.

import batch
outcome = batch.run("shots.csv", concurrency=10)
frame = batch.results("shots.csv")
"""

import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batch.commands.batch import Batch, keep_frame, read_results
from batch.commands.batch import open_batch as _open_batch
from batch.commands.check import CheckReport
from batch.commands.check import check as _check
from batch.commands.row_updates import OnUpdate
from batch.commands.run import run_batch
from batch.core.money import AccountCap, micros
from batch.core.object_lifecycle import ObjectLifecycle
from batch.core.run_options import MOST_AT_ONCE, RunOptions
from batch.core.updates import Completed, InProgress, Queued
from batch.reports.outcome import Outcome
from jobs.library import find, models

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Completed", "InProgress", "Queued", "check", "open_batch", "results", "run"]


def open_batch(manifest: str | Path, **table: Any) -> Batch:
    """A batch of the usual model, or the one that its ledger remembers; of `model="kling-3.0-pro"`, or your own `job`.

    Further arguments as for `batch.commands.batch.open_batch`.
    """
    path, own = Path(manifest), table.pop("job", None)
    find_job = None if own else partial(find, table=path)
    return _open_batch(manifest, own or find(table.get("model"), path), models=models(path), find=find_job, **table)


def check(
    manifest: str | Path, *, name: str | None = None, takes: int | None = None, online: bool = False, **table: Any
) -> CheckReport:
    """What is wrong with a manifest and what it will cost; spends nothing, needs no key.

    Args:
        manifest: a CSV or Parquet file.
        name: how videos are to be named (see `run`): whether two would have one name is found out.
        takes: how many videos each row is to have, as in `run`.
        online: the web addresses of images are asked whether a usable picture is there.
        table: how it is read, as for `open_batch`: `mapped={"image": "Startbild"}`, `prefix="kling_"`,
            `price="5=0.49,10=0.98"`, `output="results.csv"`, `sandbox=True`; what is not said is as it was said
            before, unless `forget_options=True`.

    Returns:
        A report: `print(report)`, `report.to_dict()`, `report.exit_code`, `report.price_usd`.

    Raises:
        BatchError: the manifest or its ledger cannot be used.
    """
    if not online:
        return _check(open_batch(manifest, **table).asking_for(takes), name)
    from batch.commands.online_images import ask_images  # a network, and a client for it

    return _check(open_batch(manifest, **table).asking_for(takes), name, ask=ask_images)


def run(
    manifest: "str | Path | pd.DataFrame",
    path: str | Path | None = None,
    *,
    concurrency: int | None = None,
    max_concurrency: int = MOST_AT_ONCE,
    max_spend: float | None = None,
    max_spend_total: float | None = None,
    max_spend_account: str | None = None,
    limit: int | None = None,
    takes: int | None = None,
    max_seconds: float | None = None,
    recall: bool = False,
    stop_after: int = 10,
    download: bool | str | Path | None = None,
    name: str | None = None,
    downloads: int = 4,
    keep: str | None = None,
    logs: bool = False,
    log_file: str | None = None,
    on: str | None = None,
    workers: int | None = None,
    shared_folder: str | None = None,
    on_update: OnUpdate | None = None,
    adopt_known: bool = False,
    buy_again: bool = False,
    own_table: bool = False,
    say: Callable[[str], None] = lambda _: None,
    sandbox: bool = False,
    **table: Any,
) -> Outcome:
    """Runs what is pending in a manifest and brings home what is under way.

    Args:
        manifest: a CSV or Parquet file, or a DataFrame of shots (columns as in a manifest).
        path: where a DataFrame's manifest is kept (Parquet); its ledger stands beside it.
        concurrency: how many requests are unfinished at fal at once; None: as many as the account runs, and a few more.
        max_concurrency: never more than these.
        max_spend, max_spend_total: US dollars, for this run and over the ledger's life.
        max_spend_account: US dollars a night, day or month over all tables of the key on this machine: `20/night`.
        limit: how many rows are begun at most.
        takes: how many videos to make of each row that has none yet and does not say it itself; None: one.
        max_seconds: the run ends by then, with everything home that can be.
        recall: Ctrl-C takes back what only waits in fal's line.
        stop_after: so many rows in a row that end the same bad way stop the submitting; 0: never.
        download: bring the videos down: True, or the folder that they go to.
        name: how their files are named, like `{id}_{row:04}.mp4`.
        downloads: how many come down at a time.
        keep: how long fal is to keep the videos and what is uploaded: `30d`, `12h`, `forever`.
        logs: what fal's runners write about each request is handed to `say`, a line each.
        log_file: everything that happens is written to this file, one JSON object a line.
        on: have workers on a Ray cluster make the calls to fal: `ray` (of this machine's own) or `ray://HOST:PORT`.
        workers: how many, there; None: one for each machine, and two at least.
        shared_folder: all those machines see it under the same path: its files are read and written there.
        on_update: called with each change of a row: `batch.Queued`, `batch.InProgress` (with new log lines),
            `batch.Completed`; a function or a coroutine function. What it raises is said, and ends nothing.
        adopt_known, buy_again: rows that fal's records show as bought without this ledger take their videos over, or
            are bought again; else they are held, in doubt.
        own_table: a copy of a table and its ledger, which runs elsewhere too, becomes one of its own.
        say: takes the messages that the command line prints to stderr.
        sandbox: the service is played on this machine.
        table: further arguments as for `check`.

    Returns:
        How it ended: `print(outcome)`, `outcome.to_dict()`, `outcome.exit_code`, `outcome.spent_usd`.

    Raises:
        BatchError: the manifest, the ledger or the key cannot be used.
    """
    batch = open_batch(keep_frame(manifest, path), sandbox=sandbox, **table)
    options = RunOptions(
        concurrency=concurrency,
        max_concurrency=max_concurrency,
        max_spend=None if max_spend is None else micros(str(max_spend)),
        max_spend_total=None if max_spend_total is None else micros(str(max_spend_total)),
        max_spend_account=None if max_spend_account is None else AccountCap.read(max_spend_account),
        limit=limit,
        takes=takes,
        max_seconds=max_seconds,
        recall=recall,
        stop_after=stop_after,
        download=_folder(download),
        name=name,
        downloads=downloads,
        logs=logs,
        log_file=log_file,
        on=on,
        workers=workers,
        shared_folder=shared_folder,
        keep=None if keep is None else ObjectLifecycle.read(keep),
        adopt_known=adopt_known,
        buy_again=buy_again,
        own_table=own_table,
    )
    if batch.remembered:
        say(f"as before: {shlex.join(batch.remembered)}   (forget_options=True starts anew)")
    return run_batch(batch, options, say, show_progress=False, on_update=on_update)


def _folder(download: bool | str | Path | None) -> str | None:
    if download is None or download is False:
        return None
    return "" if download is True else str(download)


def results(
    table: str | Path, *, encoding: str | None = None, header_row: int | None = None, sheet: str | None = None
) -> "pd.DataFrame":
    """A table with its results as a DataFrame: every cell of a CSV as text, Parquet with its types.

    Args:
        encoding, header_row, sheet: as for `open_batch`.
    """
    return read_results(table, encoding=encoding, header_row=header_row, sheet=sheet)
