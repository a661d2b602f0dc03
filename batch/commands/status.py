"""`status`: says where a batch stands, from its ledger, also while it runs."""

from pathlib import Path

from batch.commands.at_work import worker_at
from batch.commands.table_names import require_original, require_room
from batch.core.paths import places
from batch.ledger.summary import read_summary
from batch.reports.outcome import Outcome


def status(manifest: Path, *, sandbox: bool) -> Outcome:
    """Where a batch stands; the manifest itself is not read.

    Raises:
        LedgerError: there is no ledger, or it cannot be used.
        ManifestError: there can be none, the table's name being too long.
    """
    require_original(manifest)
    ledger, table = places(manifest, sandbox=sandbox)
    require_room(manifest, ledger, table)
    command = [str(manifest), *(["--sandbox"] if sandbox else [])]
    worker = worker_at(ledger)
    return Outcome(standing=read_summary(ledger, manifest), table=str(table), command=command, worker=worker)
