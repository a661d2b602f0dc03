"""Refuses results that would overwrite something of the user's."""

from pathlib import Path

from batch.core.states import Status
from batch.errors import ManifestError
from batch.manifest.loader import Manifest
from batch.table import open_table
from batch.table.table import Table


def require_ours(target: Path, manifest: Manifest) -> None:
    """Refuses to replace a file that does not look like results of ours.

    Raises:
        ManifestError: it exists and has not all of our columns.
    """
    if target.exists():
        lacking = {column.name for column in manifest.result_columns} - set(open_table(target).columns)
        if lacking:
            raise ManifestError(f"{target} exists and holds no results of kling-batch: name another file for --output")


def refuse_foreign_columns(manifest: Manifest, table: Table) -> None:
    """Where results go to a copy, columns of our names must be empty in the original, or from a run of ours.

    Raises:
        ManifestError: the first value that would be overwritten in the copy.
    """
    ours = {column.name for column in manifest.result_columns}
    places = [index for index, title in enumerate(table.columns) if title in ours]
    status_at = next((index for index in places if table.columns[index] == manifest.prefix + "status"), None)
    for record in table.records() if places else ():
        if status_at is not None and record.cells[status_at] in set(Status):
            continue  # from a run of ours
        for index in places:
            if record.cells[index]:
                raise ManifestError(
                    f"row {record.number}, column {table.columns[index]}: {record.cells[index][:60]!r} would be "
                    "overwritten in the results. Name our columns otherwise with --prefix PREFIX"
                )
