"""`status`: says where a batch stands, from its ledger, also while it runs."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from batch.commands.at_work import worker_at
from batch.commands.remembered_options import last_run, remembered, results_file
from batch.commands.table_names import require_original, require_room
from batch.core.paths import places
from batch.ledger.ledger import Ledger
from batch.ledger.summary import read_summary
from batch.reports.outcome import Outcome


def each_row(manifest: Path, *, sandbox: bool) -> Iterator[dict[str, Any]]:
    """Every row as the table would show it, as plain data, with the row's number in the ledger (`n`).

    Raises:
        LedgerError: there is no ledger, or it cannot be used.
    """
    from batch.ledger.result_rows import numbered_rows
    from batch.results_writer.result_cells import result_cells

    ledger, table = places(manifest, sandbox=sandbox)
    real, shown = manifest.resolve().parent, table.resolve().parent
    between = None if real == shown else (real.as_posix(), shown.as_posix())
    with Ledger.read(ledger) as reader:
        for number, n, name, row in numbered_rows(reader):
            cells = result_cells(row, between)._asdict()
            plain = {key: _plain(value) for key, value in cells.items()}
            yield {"row": number, "n": n, "id": name, **plain}


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value


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
