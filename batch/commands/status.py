"""`status`: says where a batch stands, from its ledger, also while it runs."""

import time
from dataclasses import replace
from pathlib import Path

from batch.core.paths import places
from batch.ledger.summary import read_summary
from batch.reports.outcome import Outcome


def status(manifest: Path, *, sandbox: bool) -> Outcome:
    """Where a batch stands; the manifest itself is not read.

    Raises:
        LedgerError: there is no ledger, or it cannot be used.
    """
    ledger, table = places(manifest, sandbox=sandbox)
    command = [str(manifest), *(["--sandbox"] if sandbox else [])]
    standing = read_summary(ledger, manifest)
    outcome = Outcome(standing=standing, table=str(table), command=command, now=time.time())
    if not standing.in_doubt:
        return outcome
    from batch.commands.doubts import ask_after  # what decides about doubts: only where there are some

    return replace(outcome, ask_after=ask_after(standing))
