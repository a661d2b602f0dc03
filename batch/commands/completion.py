"""What a shell completes from a table's ledger: ids and kinds of failure; nothing is made or changed."""

from pathlib import Path

from batch.core.paths import ledger_path
from batch.errors import BatchError
from batch.ledger.ledger import Ledger
from batch.ledger.selection import failed_kinds, ids_that_begin

MOST = 200


def ids_in(table: Path, prefix: str) -> list[str]:
    """The ids of its rows that begin so; none where there is no ledger."""
    path = ledger_path(Path(table))
    if not path.exists():
        return []
    try:
        with Ledger.read(path) as ledger:
            return ids_that_begin(ledger, prefix, MOST)
    except BatchError:
        return []  # who presses a key wants no message


def kinds_in(table: Path, prefix: str) -> list[str]:
    """The kinds of failure that rows of it ended in and that begin so."""
    path = ledger_path(Path(table))
    if not path.exists():
        return []
    try:
        with Ledger.read(path) as ledger:
            return [kind for kind in failed_kinds(ledger) if kind.startswith(prefix)]
    except BatchError:
        return []
