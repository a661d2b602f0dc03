"""The manifest: a table read for the job of each row, its columns found, its rows planned."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from batch.core.jobs import Jobs
from batch.core.row import PlannedRow
from batch.errors import ManifestError
from batch.job import Job, Models
from batch.manifest.column_report import ColumnReport, column_report, mixed_report
from batch.manifest.columns import Columns
from batch.manifest.image_files import ImageFile, ImageFinder
from batch.manifest.image_references import DataUri, LocalPath, Unusable, WebUrl, parse_reference
from batch.manifest.images import ImageInspector, inspect_bytes
from batch.manifest.model_column import ModelColumns, columns_by_model, plan_mixed
from batch.manifest.planner import ImageCheck, Planner
from batch.manifest.reading_notes import reading_notes
from batch.manifest.result_columns import LINKS, ONLY_WITH_TAKES, REPEATING, RESULT_COLUMNS
from batch.manifest.validation import checker
from batch.table import Column, ReadingOptions, Table, open_table

RULES = 3
"""Part of what a ledger remembers of a table it has read: raise it when the same bytes come to be read otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A table of shots.

    Args:
        mapped: input → column, where the user says so.
        ignored: columns that are no input, though they are named much like one.
        prefix: put before the names of our columns.
        prices: value of the job's `price_by` → millionths of a dollar.
        reading: how the file is to be read, where it is text.
        reads_own: whether what our columns already say is the ledger's own word; not where results go elsewhere.
        models: those that a row may name in place of this job.
        other_prices: the same as `prices` for other endpoints, where the user says otherwise than their jobs.
        fetched_here: the service is played on this machine, which reaches addresses of images that fal never will.
        takes: how many videos a row is to have that does not say it itself; None: nobody says.
    """

    path: Path
    job: Job
    mapped: Mapping[str, str] = field(default_factory=dict)
    ignored: Sequence[str] = ()
    prefix: str = ""
    prices: Mapping[str, int]
    reads_own: bool = True
    reading: ReadingOptions = field(default_factory=ReadingOptions)
    fetched_here: bool = False
    models: Models = field(default_factory=Models)
    other_prices: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    takes: int | None = None
    inspector: ImageInspector = field(default_factory=ImageInspector)
    finder: ImageFinder = field(default_factory=ImageFinder)
    _columns: list[tuple[Table, ModelColumns]] = field(default_factory=list, compare=False, repr=False)
    """Those of the table that was asked about last: rows have to be read to know which models they name."""

    @property
    def jobs(self) -> Jobs:
        """All that its rows may be of."""
        return Jobs(self.job, self.models)

    @property
    def result_columns(self) -> list[Column]:
        """Our columns as this table names them."""
        return [
            Column(self.prefix + name, column_type, repeats=name in REPEATING, link=name in LINKS)
            for name, column_type in RESULT_COLUMNS.items()
        ]

    def shown_columns(self, table: Table, *, takes: bool) -> list[Column]:
        """Those of our columns that the table is to have; a column that it has already goes on being kept up to date.

        Args:
            takes: a row has several videos, or is to have.
        """
        asked = takes or not {self.prefix + name for name in ONLY_WITH_TAKES}.isdisjoint(table.columns)
        return self.result_columns if asked else self.result_columns[: -len(ONLY_WITH_TAKES)]

    @property
    def settings(self) -> str:
        """Equal where equal bytes of a table are read to the same effect, local images left aside."""
        read = (self.reading.encoding, self.reading.header_row, self.reading.sheet)
        told = (*read, sorted(self.mapped.items()), sorted(self.ignored), self.prefix, sorted(self.prices.items()))
        others = sorted((endpoint, sorted(one.items())) for endpoint, one in self.other_prices.items())
        how = (RULES, self.job, *told, others, self.reads_own, self.fetched_here, self.models.stamp(), self.takes)
        return hashlib.sha256(repr(how).encode()).hexdigest()

    def open(self) -> Table:
        """The table as it stands now.

        Raises:
            ManifestError: it cannot be read.
            UsageError: an option of reading is not for it.
        """
        return self.open_like(self.path)

    def open_like(self, path: Path) -> Table:
        """Another file, read as the manifest is: results of it, written in the same way. Raises as `open` does."""
        titles = (*self.mapped.values(), *(word for words in self.job.words.values() for word in words))
        return open_table(path, replace(self.reading, titles=titles))

    def prices_of(self, job: Job) -> Mapping[str, int]:
        """What requests of a job cost, by what decides it, in millionths of a dollar."""
        return self.prices if job.endpoint == self.job.endpoint else self.other_prices.get(job.endpoint, job.prices)

    def columns(self, table: Table) -> Columns:
        """Where the inputs of the table's own model stand.

        Raises:
            ManifestError, UsageError: a required column is missing, or it is not clear which one is meant, or ours
                cannot be written beside them.
        """
        return self.columns_by_model(table).usual

    def columns_by_model(self, table: Table) -> ModelColumns:
        """Where the inputs of each model stand that rows name. Raises as `columns` does."""
        if self._columns and self._columns[0][0] is table and table.unchanged():
            return self._columns[0][1]
        table.require_writable(self.result_columns)
        own = {name: self.prefix + name for name in RESULT_COLUMNS} if self.reads_own else {}
        ours = [column.name for column in self.result_columns]
        columns = columns_by_model(
            table.columns,
            self.jobs,
            self.mapped,
            own,
            ignored=self.ignored,
            ours=ours,
            named=lambda at: {record.cells[at] for record in table.records({at}) if at < len(record.cells)},
        )
        taken = {self.prefix + name for name in RESULT_COLUMNS} & {
            table.columns[index] for each in columns.all for index in each.read
        }
        if taken:
            raise ManifestError(
                f"the column {taken.pop()!r} is an input and would be overwritten by a result of that name: "
                "name ours otherwise with --prefix PREFIX"
            )
        self._columns[:] = [(table, columns)]
        return columns

    def column_report(self, table: Table) -> ColumnReport:
        """How the columns are read, for a person. Raises as `columns` does."""
        columns, ours = self.columns_by_model(table), [column.name for column in self.result_columns]
        usual = column_report(self.job, columns.usual, ours, list(reading_notes(table, columns.usual)))
        return mixed_report(usual, self.job.name, columns, ours)

    def plan(self, table: Table) -> Iterator[PlannedRow]:
        """One plan per row that asks for something.

        Raises:
            ManifestError: the table cannot be read to its end.
        """
        columns = self.columns_by_model(table)

        def planner(job: Job, columns: Columns) -> Planner:
            return Planner(
                job=job,
                columns=columns,
                prices=self.prices_of(job),
                check=checker(job.schema),
                look=self._look,
                delimiter=table.delimiter,
                look_at_file=self._look_at_file,
                header=table.columns,
                takes=self.takes,
            )

        usual = planner(self.job, columns.usual)
        if not columns.mixed:
            return usual.plan(table.records(columns.positions))
        return plan_mixed(table.records(columns.positions), usual, columns, planner, self.jobs)

    def _look_at_file(self, cell: str) -> ImageCheck:
        """A file that is no image: whether it is there, and its digest."""
        match parse_reference(cell, fetched_here=self.fetched_here):
            case Unusable(problem):
                return ImageCheck("", problem)
            case WebUrl(url):
                return ImageCheck(url, value=url)
            case DataUri(uri, _, data):
                return ImageCheck(f"sha256:{hashlib.sha256(data).hexdigest()}", value=uri)
            case LocalPath() as reference:
                file = self._find(reference)
                if file.problem or not file.path.is_file():
                    return ImageCheck("", file.problem or "does not exist: give its path, or an https:// address")
                with file.path.open("rb") as opened:
                    digest = hashlib.file_digest(opened, "sha256").hexdigest()
                return ImageCheck(f"sha256:{digest}", value=file.text)

    def local(self, cell: str) -> Path | None:
        """The file that an image cell refers to; None where it is a URL or a data URI."""
        reference = parse_reference(cell) if cell else None
        return self._find(reference).path if isinstance(reference, LocalPath) else None

    def _find(self, reference: LocalPath) -> ImageFile:
        return self.finder.find(reference.path, self.path.parent)

    def _look(self, cell: str) -> ImageCheck:
        match parse_reference(cell, fetched_here=self.fetched_here):
            case Unusable(problem):
                return ImageCheck("", problem)
            case WebUrl(url):
                return ImageCheck(url, value=url)
            case DataUri(uri, _, data):
                found = inspect_bytes(data)
                return ImageCheck(f"sha256:{hashlib.sha256(data).hexdigest()}", found.problem, found.warnings, uri)
            case LocalPath() as reference:
                file = self._find(reference)
                found = self.inspector.inspect(file.path)
                why = file.problem or found.problem
                if file.text != cell and parse_reference(file.text) != LocalPath(file.text):
                    why = "is a path that can be read in two ways: rename the file, in letters and digits"
                return ImageCheck(f"sha256:{found.digest}", why, found.warnings, file.text)
