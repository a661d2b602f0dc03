"""`status`: says where a batch stands, from its ledger, also while it runs."""

import time
from dataclasses import replace
from pathlib import Path

from batch.commands.at_work import worker_at
from batch.commands.remembered_options import last_run, remembered, results_file
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
    require_room(manifest, *places(manifest, sandbox=sandbox))
    output = remembered(manifest, sandbox=sandbox).output
    ledger, table = places(manifest, sandbox=sandbox, output=Path(output) if output else None)
    command = [str(manifest), *(["--sandbox"] if sandbox else [])]
    standing, worker = read_summary(ledger, manifest), worker_at(ledger)
    outcome = Outcome(
        standing=standing,
        table=str(results_file(ledger, table)),
        command=command,
        kept=last_run(ledger),
        now=time.time(),
        worker=worker,
    )
    if not standing.in_doubt:
        return outcome
    from batch.commands.doubts import ask_after  # what decides about doubts: only where there are some

    return replace(outcome, ask_after=ask_after(standing))
