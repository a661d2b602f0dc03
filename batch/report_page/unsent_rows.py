"""Reads from the table what rows ask for that its ledger does not have, for they cannot be sent."""

from collections.abc import Collection, Mapping

from batch.errors import BatchError
from batch.manifest.loader import Manifest
from batch.table import TableChanged


def unsent_inputs(manifest: Manifest, numbers: Collection[int]) -> Mapping[int, Mapping[str, str]]:
    """Row, as the spreadsheet numbers it → its inputs as their cells have them. Of a table that is gone, nothing."""
    if not numbers:
        return {}
    try:
        table = manifest.open()
        inputs = manifest.columns(table).inputs
        return {
            record.number: {name: record.cells[at] for name, at in inputs.items() if at < len(record.cells)}
            for record in table.records()
            if record.number in numbers
        }
    except (BatchError, TableChanged, OSError):  # the rows are told all the same, with what is wrong with them
        return {}
