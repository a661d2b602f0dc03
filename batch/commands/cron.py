"""`run --cron`: a run that nobody watches; its words go to a log, and what matters into a letter."""

import time
from contextlib import suppress

from batch.commands.alarms import Alarm
from batch.commands.at_work import worker_at
from batch.commands.batch import Batch
from batch.commands.night_log import night_log
from batch.commands.run import Mark, run_batch
from batch.core.paths import log_path
from batch.core.run_options import RunOptions
from batch.errors import BatchError, Exit, LedgerBusy
from batch.ledger.file import locked
from batch.ledger.ledger import Ledger
from batch.ledger.news import Told, note_told
from batch.reports.cron_letter import exit_code_of, letter
from batch.reports.outcome import Outcome

OVERDUE_SECONDS = 86_400.0
"""A run that has been at work for so long is worth a word; before that a night that overlaps is nobody's business."""


def run_by_cron(
    batch: Batch, options: RunOptions, mark: Mark | None = None, alarm: Alarm | None = None
) -> tuple[Outcome, str | None, Exit]:
    """A run, its letter where there is one, and its exit code.

    Raises:
        BatchError: as `run_batch` does; the log has it, too.
    """
    with night_log(log_path(batch.manifest.path), batch.manifest.path) as say:
        say(f"begins: {batch.manifest.path}")
        try:
            outcome = run_batch(batch, options, say, mark=mark, show_progress=False, news=True, alarm=alarm)
        except BatchError as error:
            say(str(error))
            raise
        for line in outcome.text().splitlines():
            say(line)
        if outcome.news is None:
            return outcome, outcome.text(), outcome.exit_code
        code = exit_code_of(outcome, outcome.news)
        say(f"ends: exit code {code:d}")
        return outcome, letter(outcome, outcome.news), code


def was_told(batch: Batch, told: Told) -> None:
    """After the letter is out: none of it is news to the next run. Where that cannot be noted, it is told twice."""
    with suppress(BatchError), locked(batch.ledger), Ledger.open(batch.ledger) as ledger:
        note_told(ledger, told)


def overdue(batch: Batch, error: LedgerBusy) -> str | None:
    """What to say of another run at work: nothing, unless it has been for longer than a night can be."""
    with suppress(BatchError):
        worker = worker_at(batch.ledger)
        if worker and time.time() - worker.since > OVERDUE_SECONDS:
            hours = (time.time() - worker.since) / 3600
            return f"{error}; it has been for {hours:.0f} h (process {worker.pid}): kling-batch cancel --stop ends it"
    return None
