"""Opens a batch: a manifest, its ledger, and where its results go."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from batch.commands.remembered_options import remembered
from batch.commands.table_names import name_notes, require_original, require_room
from batch.commands.told_prices import told_prices
from batch.core.jobs import Jobs
from batch.core.object_lifecycle import ObjectLifecycle
from batch.core.paths import places, results_path
from batch.core.row import PendingRow
from batch.core.table_options import TableOptions
from batch.errors import LedgerError, ManifestError, UsageError
from batch.job import Job, Models
from batch.ledger.endpoints import endpoints_at_work, endpoints_to_run, endpoints_under_way
from batch.ledger.ledger import Ledger
from batch.ledger.recovery import bought_by_renamed
from batch.manifest.columns import input_name
from batch.manifest.loader import Manifest
from batch.results_writer.overwrite_checks import refuse_foreign_columns, refuse_lost_results, require_target
from batch.table import ReadingOptions, Table, TableChanged

if TYPE_CHECKING:
    import pandas as pd

    from batch.commands.on_cluster import Fleet

_ENDPOINT = "endpoint"
"""Where a ledger keeps to which endpoint its requests go."""

FindJob = Callable[[str | None], Job]
"""The name of a model, its endpoint or its file → its job; None: the usual one."""

SANDBOX_RUN_SECONDS = 2.0
"""How long a request runs in the sandbox; the real service takes minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A manifest, its ledger, and where its results go.

    Args:
        target: the results' file where it is not the manifest itself.
        command: the arguments that name this batch on a command line, once its ledger knows the options.
    """

    manifest: Manifest
    ledger: Path
    target: Path | None = None
    sandbox: bool = False
    """The service is played on this machine."""
    faults: str = ""
    """What goes wrong there (`batch.sandbox.faults`)."""
    model_told: bool = True
    """Which model it is, is the user's own word."""
    keep: ObjectLifecycle | None = None
    """How long fal is to keep the files, where somebody said so."""
    logs: bool = False
    """What the runners of requests write is asked for."""
    fleet: "Fleet | None" = None
    """The workers that make its calls; None: this process does."""
    price_told: bool = False
    """The manifest's prices are the user's own word."""
    at_work: Sequence[Job] = ()
    """The jobs of the rows to run, or at fal, once they are known."""
    options: TableOptions = field(default_factory=TableOptions)
    """How the table is read and where results go, as it was said now or before."""
    remembered: Sequence[str] = ()
    """Those of them that were said before, as arguments of a command line."""
    command: Sequence[str] = ()
    kept: Sequence[str] = ()
    """The options of a run that hold for the next one too, as arguments."""

    def asking_for(self, takes: int | None) -> "Batch":
        """The same, where each row that says nothing else is to have so many videos."""
        return replace(self, manifest=replace(self.manifest, takes=takes))

    @property
    def run_command(self) -> str:
        """A run as this one, for a command line."""
        return shlex.join(["kling-batch", "run", *self.command, *self.kept])

    @property
    def table(self) -> Path:
        """Where the results go."""
        return self.target or self.manifest.path

    @property
    def typical_seconds(self) -> float:
        """How long a request usually runs; of several models the one that takes longest."""
        if self.sandbox:
            return SANDBOX_RUN_SECONDS
        return max(job.typical_seconds for job in self.at_work or [self.manifest.job])

    def typical_of(self, row: PendingRow) -> float:
        """How long a row's request usually runs."""
        return SANDBOX_RUN_SECONDS if self.sandbox else self.manifest.jobs.at(row.endpoint).typical_seconds

    def group_of(self, row: PendingRow) -> str:
        """Requests of one model and price take about equally long."""
        return f"{row.endpoint} {self.manifest.jobs.at(row.endpoint).price_value(row.arguments)}"

    def with_rows_of(self, ledger: Ledger) -> "Batch":
        """The same, for the models that the ledger's rows to run, or at fal, are of.

        Raises:
            UsageError: one of them is not known any more.
        """
        return replace(self, at_work=[self.manifest.jobs.at(one) for one in endpoints_at_work(ledger)])

    def checked_table(self) -> Table | None:
        """Where results go elsewhere they overwrite nothing of the user's; the table that was looked through for it.

        Raises:
            UsageError: they cannot be written there.
        ManifestError: they would, or the table cannot be read.
        """
        if self.target is None:
            return None
        require_target(self.target, self.manifest, self.ledger)
        table = self.manifest.open()
        try:
            refuse_foreign_columns(self.manifest, table)
        except TableChanged as error:
            raise ManifestError(f"{error}: try again when that is done") from error
        return table

    @property
    def notes(self) -> list[str]:
        """What is good to know before anything is bought, and is no reason not to."""
        return list(name_notes(self.ledger, self.table))

    @property
    def results_files(self) -> list[Path]:
        """Where results of earlier runs may stand: this table, the file that they go to, and those beside the two."""
        if self.sandbox:
            return [self.table]
        beside = [results_path(self.manifest.path), results_path(self.table)]
        return list(dict.fromkeys([self.manifest.path, self.table, *beside]))

    def require_known_results(self, ledger: Ledger) -> None:
        """No result stands in the table, or where results go, that this ledger does not know.

        Raises:
            ManifestError: some do: their rows would be bought a second time.
        """
        if not self.sandbox:  # nothing is bought there
            # Not the prefix: another one than the results have is no way round them.
            told = replace(self.options.kept, prefix=None).typed
            recover = shlex.join(["kling-batch", "recover", *self.command, *told])
            refuse_lost_results(ledger, self.results_files, self.manifest, recover)

    def require_one_model(self) -> None:
        """Workers of a cluster know the table's own model. After `with_rows_of`.

        Raises:
            UsageError: rows to run, or at fal, are of another one.
        """
        if others := [job.name for job in self.at_work if job.endpoint != self.manifest.job.endpoint]:
            raise UsageError(f"there are rows of {others[0]}: a table of several models is run without --on")

    def require_own_model(self, ledger: Ledger) -> None:
        """The table's model is the one that it had, unless somebody says so; those of rows at fal are known here.

        Raises:
            LedgerError: another one was said before.
            UsageError: there are rows at fal, or in doubt, of a model that is not known.
        """
        job, endpoint = self.manifest.job, ledger.meta(_ENDPOINT)
        own = job.first if endpoint is None else endpoint == job.endpoint
        if not own and endpoint is not None and not self.model_told:
            raise LedgerError(
                f"{self.manifest.path} was last run with another model: say --model {endpoint} to go on with it, or "
                f"--model {job.name} if its rows are to be bought with this one"
            )
        for name in endpoints_under_way(ledger):
            self.manifest.jobs.at(name)

    def require_price(self, ledger: Ledger) -> None:
        """Nothing is bought whose price nobody knows: it would be in no sum, and under no cap. After `enrol`.

        Raises:
            UsageError: there is none for a model that rows to run are of.
        """
        for job in () if self.sandbox else map(self.manifest.jobs.at, endpoints_to_run(ledger)):
            if not self.manifest.prices_of(job):
                example = ",".join(f"{value}=0.50" if value else "0.50" for value in job.price_values[:3] or ["5"])
                whose = "" if job.endpoint == self.manifest.job.endpoint else f"{job.name}:"
                raise UsageError(
                    f"no price is known for {job.endpoint}: see its page, https://fal.ai/models/{job.endpoint}, "
                    f"and say what a row costs, like --price {whose}{example}"
                )

    def price_told_of(self, job: Job) -> bool:
        """Whether what its requests cost is the user's own word."""
        own = job.endpoint == self.manifest.job.endpoint
        return self.price_told if own else job.endpoint in self.manifest.other_prices

    def note_model(self, ledger: Ledger) -> None:
        """From now on this is the table's model, and each row of the ledger says of which it is."""
        job, endpoint = self.manifest.job, ledger.meta(_ENDPOINT)
        ledger.name_endpoint(self.manifest.jobs.at("").endpoint)
        if endpoint != job.endpoint and not (endpoint is None and job.first):
            ledger.set_meta(_ENDPOINT, job.endpoint)

    def require_own_ledger(self, ledger: Ledger) -> None:
        """A ledger that is made now is not made beside the one that this table had by another name.

        Raises:
            LedgerError: a ledger without a table has bought these rows.
        """
        if renamed := bought_by_renamed(ledger):
            path, rows = renamed
            raise LedgerError(
                f"{path} stands there without its table, and has bought {rows} of the rows of {self.manifest.path}: if "
                f"the table was renamed, rename its ledger too, to {self.ledger.name}; if these are to be bought once "
                "more, say --buy-again"
            )


def open_batch(
    manifest: str | Path,
    job: Job,
    *,
    mapped: Mapping[str, str] | None = None,
    ignored: Sequence[str] = (),
    prefix: str | None = None,
    price: str | None = None,
    output: str | Path | None = None,
    encoding: str | None = None,
    header_row: int | None = None,
    sheet: str | None = None,
    model: str | None = None,
    models: Models | None = None,
    find: FindJob | None = None,
    forget_options: bool = False,
    sandbox: bool = False,
) -> Batch:
    """A batch; of its files nothing is read yet but the options that its ledger remembers.

    What is said here holds, and is remembered once the table was read so; what is not said is as it was before.

    Args:
        manifest: a CSV or Parquet file, or an Excel workbook.
        mapped: input → column, where it is not found by its name.
        ignored: columns that are no input, though they are named much like one.
        prefix: put before the names of our columns.
        price: `5=0.49,10=0.98`, if not the job's usual one.
        output: the results' file, if not the manifest itself.
        encoding: any that Python knows, where the file does not say it.
        header_row: where the titles stand, as the spreadsheet numbers the rows; the first row that is one by default.
        sheet: of a workbook; the first one with the names of our inputs by default.
        model: what the user called the job, if the job is not just the usual one.
        models: those that a row may name in place of the table's own; what was said as `model` is one.
        find: gives the job of a name that the ledger remembers; None: `job` it is, whatever that remembers.
        forget_options: what was said before does not hold any more.
        sandbox: the service is played on this machine, and the results go beside the manifest.

    Raises:
        UsageError: a price, a prefix or an encoding that cannot be meant.
        ManifestError: the table holds the results of a rehearsal, or its name leaves no room for those beside it.
    """
    path = Path(manifest)
    if output == "":
        raise UsageError("--output: its value is empty: name a file, or leave the option out")
    require_original(path)
    require_room(path, *places(path, sandbox=sandbox))
    said = TableOptions(
        mapped=mapped or {},
        ignored=tuple(ignored),
        model=model,
        prefix=prefix,
        price=price,
        output=None if output is None else str(output),
        encoding=encoding,
        header_row=header_row,
        sheet=sheet,
    )
    before = TableOptions() if forget_options else remembered(path, sandbox=sandbox, output_said=output is not None)
    job, before = _job(job, model, before, find)
    left_open = said.left_open(before, lambda name: input_name(job, name))
    others = _with_said(models or Models(), said.model or before.model, job)
    return _batch(path, job, said.with_(left_open), left_open, others, sandbox=sandbox)


def _with_said(models: Models, said: str | None, job: Job) -> Models:
    """A file of one's own has the name that it was said by."""
    return replace(models, find=lambda name: job if name == said else models.find(name))


def _job(job: Job, model: str | None, before: TableOptions, find: FindJob | None) -> tuple[Job, TableOptions]:
    """The job that holds, and what was said before that still does: a price that was said is one model's."""
    if find is None:
        same, before = before.model in (None, job.name, job.endpoint), replace(before, model=None)
    elif model is None:
        return (job if before.model is None else find(before.model)), before
    else:
        same = _endpoint(before.model, find) == job.endpoint
    return job, before if same else replace(before, price=None)


def _endpoint(model: str | None, find: FindJob) -> str | None:
    try:
        return find(model).endpoint
    except UsageError:  # there is no such model any more
        return None


def _batch(
    path: Path, job: Job, options: TableOptions, before: TableOptions, models: Models, *, sandbox: bool
) -> Batch:
    _require_plain(options.prefix or "")
    output = None if options.output is None else Path(options.output)
    ledger, table = places(path, sandbox=sandbox, output=output)
    require_room(path, ledger, table)
    target = None if _same_file(table, path) else table
    own_prices, other_prices = told_prices(options.price, Jobs(job, models))
    return Batch(
        manifest=Manifest(
            path=path,
            job=job,
            mapped=options.mapped,
            ignored=tuple(options.ignored),
            prefix=options.prefix or "",
            prices=own_prices,
            other_prices=other_prices,
            reads_own=target is None,
            reading=ReadingOptions(
                encoding=options.encoding,
                header_row=options.header_row,
                sheet=options.sheet,
                said_before=before.encoding is not None,
            ),
            fetched_here=sandbox,
            models=models,
        ),
        ledger=ledger,
        target=target,
        sandbox=sandbox,
        model_told=options.model is not None or not job.first,
        price_told=own_prices is not job.prices,
        options=replace(options, output=options.output if target else None, prefix=options.prefix or None),
        remembered=before.typed,
        command=[str(path), *(["--sandbox"] if sandbox else []), *options.unkept],
    )


def _same_file(one: Path, other: Path) -> bool:
    """Also by another name: a link, a path that is relative."""
    return one.resolve() == other.resolve() or (one.exists() and other.exists() and one.samefile(other))


def _require_plain(prefix: str) -> None:
    """In front of our columns' names it must neither end a cell nor start a formula."""
    if not prefix.isprintable() or set(prefix) & set(",;|") or prefix[:1] in [*"=+-@ "]:
        raise UsageError(f"--prefix {prefix!r}: write it in letters, digits and _, like kling_")


def keep_frame(manifest: "str | Path | pd.DataFrame", path: str | Path | None) -> Path:
    """The file of a manifest; a DataFrame is written to `path` first, unless it stands there already.

    Raises:
        UsageError: a DataFrame without a path, or another one than the file there holds.
    """
    from batch.manifest.dataframes import keep

    return keep(manifest, path)


def read_results(
    table: str | Path, *, encoding: str | None = None, header_row: int | None = None, sheet: str | None = None
) -> "pd.DataFrame":
    """A table with its results: every cell of a CSV or a workbook as text, Parquet with its types.

    Raises:
        ManifestError: it cannot be read.
    """
    from batch.manifest.dataframes import load

    return load(Path(table), ReadingOptions(encoding=encoding, header_row=header_row, sheet=sheet))
