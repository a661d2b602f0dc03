"""Plans the names of videos, and finds those that two would have in common, before it costs."""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from batch.core.row_numbers import row_numbers
from batch.downloads.file_names import NameTemplate, fit, name_key, safe
from batch.errors import ManifestError, UsageError
from batch.job import Job
from batch.ledger.ledger import Ledger
from batch.ledger.video_records import NamedRow, PlannedName, name_collisions, named_rows, plan_names, rename_doubled
from batch.manifest.columns import simple
from batch.manifest.loader import Manifest
from batch.table import Table, TableChanged

SHOWN = 20


def plan_video_names(manifest: Manifest, ledger: Ledger, template: str | None, digest: str | None = None) -> list[str]:
    """Names the videos of the rows that the ledger has of the manifest; what is wrong with the names.

    Without a template a video is called as its picture, where no other row has a picture of that name; else the id
    tells them apart, or the row's number.

    Args:
        digest: of the bytes that were enrolled, where they have to be the same still.

    Raises:
        UsageError: the template cannot be meant, or names a column that there is not.
        ManifestError: the table cannot be read any more, or was changed.
    """
    if template is None:
        plan_names(ledger, (_by_picture(row, manifest.jobs.shown(row.endpoint)) for row in named_rows(ledger)))
        ids = {row.number: row.id for row in named_rows(ledger) if row.id} if name_collisions(ledger, 1) else {}
        rename_doubled(ledger, lambda row, name: safe(f"{name}_{fit(ids.get(row, f'{row:04}'))}"), name_key)
        rename_doubled(ledger, lambda row, name: safe(f"{row:04}_{name}"), name_key)
        return []
    named = NameTemplate.read(template)
    cells = _cells(manifest, named.columns, digest)
    plan_names(
        ledger, (_by_template(row, named, manifest.jobs.shown(row.endpoint), cells) for row in named_rows(ledger))
    )
    if "{request_id}" in template:
        return []
    return [
        f"--name {template}: rows {row_numbers(numbers)} would all be called {name}: add {{row:04}} or {{id}} to it"
        for name, numbers in name_collisions(ledger, SHOWN)
    ]


def require_names(manifest: Manifest, ledger: Ledger, template: str | None, digest: str | None = None) -> None:
    """Raises UsageError where two videos would have one name; else as `plan_video_names`."""
    if wrong := plan_video_names(manifest, ledger, template, digest):
        raise UsageError("; ".join(wrong[:3]) + (" …" if len(wrong) > 3 else ""))


def _by_picture(row: NamedRow, job: Job) -> PlannedName:
    picture = str(row.arguments.get(job.images[0], "")) if job.images else ""
    name = safe(fit(_stem(picture) or row.id or f"{row.number:04}"))
    return PlannedName(row.row, row.number, name, name_key(name))


def _stem(picture: str) -> str:
    """Of a path or a web address; "" where nothing in it is a name."""
    if picture[:5].casefold() == "data:":
        return ""
    path = urlsplit(picture).path if "://" in picture else picture.replace("\\", "/")
    return PurePosixPath(unquote(path) if "://" in picture else path).stem


def _by_template(
    row: NamedRow, named: NameTemplate, job: Job, cells: Iterator[tuple[int, Mapping[str, str]]]
) -> PlannedName:
    def value(field: str) -> str:
        if field == "id":
            return row.id or f"{row.number:04}"
        name = {"duration": job.length_by or job.price_by}.get(field, field)
        return str(row.arguments.get(name, job.default(name) if name in job.schema["properties"] else ""))

    columns: Mapping[str, str] = {}
    if named.columns:
        place, columns = next(cells)
        while place < row.place:
            place, columns = next(cells)
    planned = named.plan(value, row.number, columns)
    return PlannedName(row.row, row.number, planned, name_key(planned))


def _cells(manifest: Manifest, titles: list[str], digest: str | None) -> Iterator[tuple[int, Mapping[str, str]]]:
    """The cells of these columns for each record, in the table's order, with its place."""
    if not titles:
        return
    table = manifest.open()
    if digest is not None and table.digest() != digest:
        raise ManifestError(f"{manifest.path} was changed just now: try again when that is done")
    found = {title: _position(table, title) for title in titles}
    try:
        for place, record in enumerate(table.records({*found.values()})):
            yield place, {title: record.cells[at] for title, at in found.items()}
    except TableChanged as error:
        raise ManifestError(f"{error}: try again when that is done") from error


def _position(table: Table, title: str) -> int:
    exact = [at for at, name in enumerate(table.columns) if name == title]
    near = exact or [at for at, name in enumerate(table.columns) if simple(name) == simple(title)]
    if len(near) != 1:
        what = "there is no column" if not near else f"there are {len(near)} columns"
        raise UsageError(f"--name: {what} {title!r} in {table.path}")
    return near[0]
