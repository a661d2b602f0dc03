"""Plans each row by the model that it names, and finds the columns of every such model. Pure."""

import shlex
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from batch.core.jobs import Jobs
from batch.core.row import PlannedRow, Problem
from batch.core.suggestions import did_you_mean
from batch.job import Job
from batch.manifest.columns import Columns, Row, find_columns, input_name
from batch.manifest.planner import Planner
from batch.manifest.values import shortened

Named = Callable[[int], Collection[str]]
"""The texts that stand in a column of the table, by its position."""


@dataclass(frozen=True, slots=True)
class ModelColumns:
    """Which column holds what, for the table's own model and for the others that its rows name."""

    usual: Columns
    others: Mapping[str, tuple[Job, Columns]] = field(default_factory=dict)
    """A model as rows name it → its job, and where its inputs stand."""
    unknown: Collection[str] = ()
    """What rows name that is no model."""
    usual_named: bool = True
    """Whether rows may be of the table's own model."""

    @property
    def mixed(self) -> bool:
        """Whether rows name anything but the table's own model."""
        return bool(self.others or self.unknown)

    @property
    def by_job(self) -> Mapping[str, tuple[Job, Columns]]:
        """Endpoint of each other model → its job, and where its inputs stand."""
        return {job.endpoint: (job, columns) for job, columns in self.others.values()}

    @property
    def all(self) -> list[Columns]:
        """Of every model."""
        return [self.usual, *(columns for _, columns in self.by_job.values())]

    @property
    def positions(self) -> set[int]:
        """Of all columns that are read."""
        return {at for columns in self.all for at in columns.positions}


def columns_by_model(
    header: Sequence[str],
    jobs: Jobs,
    mapped: Mapping[str, str],
    own: Mapping[str, str],
    *,
    ignored: Collection[str],
    ours: Collection[str],
    named: Named,
) -> ModelColumns:
    """The manifest's columns for each model that its rows name. Arguments as for `find_columns`.

    Raises as `find_columns` does; where rows name other models, what a model's rows lack is told with these rows.
    """

    def found(job: Job, said: Mapping[str, str], *, strict: bool, model: int | None = None) -> Columns:
        return find_columns(header, job, said, own, ignored=ignored, ours=ours, strict=strict, model=model)

    def known(job: Job) -> dict[str, str]:
        return {name: title for name, title in mapped.items() if input_name(job, name) in (*job.columns, "id")}

    usual = jobs.usual
    at = found(usual, known(usual), strict=False).model if jobs.others.names else None
    if at is None:
        return ModelColumns(found(usual, mapped, strict=True))
    said = {text.strip() for text in named(at)}
    models = {name: job for name in said if name and (job := jobs.named(name)) and job.endpoint != usual.endpoint}
    unknown = {name for name in said if name and jobs.named(name) is None}
    if not models or {*mapped} - {name for job in (usual, *models.values()) for name in known(job)}:
        columns = found(usual, mapped, strict=True)  # says which of the mapped names is none
        return ModelColumns(columns.without({at}), unknown=unknown)
    whole = ModelColumns(
        found(usual, known(usual), strict=False),
        {name: (job, found(job, known(job), strict=False, model=at)) for name, job in models.items()},
        unknown,
        usual_named=bool({"", usual.name, usual.endpoint} & said),
    )
    read = {at, *(place for columns in whole.all for place in (*columns.read, *columns.refused))}
    return ModelColumns(
        whole.usual.without(read),
        {name: (job, columns.without(read)) for name, (job, columns) in whole.others.items()},
        unknown,
        whole.usual_named,
    )


def plan_mixed(
    rows: Iterable[Row],
    usual: Planner,
    columns: ModelColumns,
    planner_of: Callable[[Job, Columns], Planner],
    jobs: Jobs,
) -> Iterator[PlannedRow]:
    """One plan per row that asks for something, each by its own model. A row that names none is of the usual one."""
    by_job = {endpoint: planner_of(*one) for endpoint, one in columns.by_job.items()}
    planners = {name: by_job[job.endpoint] for name, (job, _) in columns.others.items()}
    elsewhere = {at for one in columns.all for at in one.inputs.values()}
    for place, row in enumerate(rows):
        said = columns.usual.cell(row, columns.usual.model).strip()
        planner = planners.get(said, usual)
        if said in columns.unknown:
            yield _of_no_model(place, row, usual.columns, said, jobs)
        elif plan := planner.row(place, row):
            left = elsewhere - {*planner.columns.read, *planner.columns.refused}
            yield plan.noted(_not_sent(row, planner, left)) if left else plan


def _of_no_model(place: int, row: Row, columns: Columns, said: str, jobs: Jobs) -> PlannedRow:
    row_id = columns.cell(row, columns.id).strip()
    title = columns.model_title
    meant = did_you_mean(said, [jobs.usual.name, *jobs.others.names])
    if said.endswith((".py", ".json")):
        remedy = "a file is said with --model, for the whole table, or taken up with `kling-batch model add`"
    else:
        remedy = f"`kling-batch model list` names them; --ignore {shlex.quote(title)} leaves a column of your own alone"
    problem = Problem(row.number, title, f"{shortened(said)} is no model{meant or ';'} {remedy}", row_id)
    own = {name: row.cells[at] for name, at in columns.own.items() if at < len(row.cells) and row.cells[at]}
    return PlannedRow(place, row.number, row_id, own, None, None, None, (problem,))


def _not_sent(row: Row, planner: Planner, places: Iterable[int]) -> list[Problem]:
    """Cells of a row that only other models of the table have an input for."""
    columns = planner.columns
    row_id = columns.cell(row, columns.id).strip()
    return [
        Problem(row.number, planner.header[at], f"is not sent: {planner.job.name} has no such input", row_id)
        for at in sorted(places)
        if columns.cell(row, at).strip()
    ]
