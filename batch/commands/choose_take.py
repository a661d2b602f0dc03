"""`take`: chooses which take of a row its table shows, and writes the table anew."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from batch.commands.batch import Batch
from batch.commands.manifest_reading import read_manifest
from batch.commands.marked_clips import marked_clips, named_rows, take_numbered
from batch.core.review_marks import ClipMark
from batch.core.row import RowSelection
from batch.errors import LedgerError, UsageError
from batch.ledger.file import locked, write_errors
from batch.ledger.ledger import Ledger
from batch.ledger.snapshot import forget_shown
from batch.ledger.takes import TakeRow, choose_take, takes_of
from batch.results_writer.overwrite_checks import note_target
from batch.results_writer.writer import ResultsWriter


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeChoice:
    """Which take of which rows.

    Args:
        named: rows that a person names.
        use: the number of the take, for all of them; None: the newest.
        marks: the file of a review: of each clip that is marked to be kept, the take that was looked at.
    """

    named: RowSelection = field(default_factory=RowSelection)
    use: int | None = None
    marks: Path | None = None


def choose(batch: Batch, choice: TakeChoice, now: float | None = None) -> list[str]:
    """What the table shows from now on, a line for each row that shows another take than before.

    Raises:
        BatchError: a row or a take is not there, a run is at work, or the table cannot be written.
    """
    if not batch.ledger.exists():
        raise LedgerError(f"{batch.manifest.path} has no ledger yet: nothing was run")
    with locked(batch.ledger), Ledger.open(batch.ledger) as ledger:
        note_target(ledger, batch.target)
        read_manifest(batch.manifest, ledger, None, time.time() if now is None else now, anew=False)
        chosen = _chosen(ledger, choice)
        with write_errors(batch.ledger), ledger.transaction():
            changed = [line for row, number in chosen if (line := _choose(ledger, row, number))]
            forget_shown(ledger)
        writer = ResultsWriter(batch.manifest, batch.ledger, batch.target)
        saved = writer.save()
        writer.save_snapshot(ledger)
        trouble = [f"{saved.trouble}: the results are in {saved.path}"] if saved.trouble else []
        return [*(changed or ["nothing else is shown than before"]), *trouble]


def _chosen(ledger: Ledger, choice: TakeChoice) -> Sequence[tuple[TakeRow, int | None]]:
    """The rows, and the number of the take; None: the newest."""
    rows = named_rows(ledger, choice.named)
    takes = takes_of(ledger, [one.row for one in rows])
    for row in rows:
        if not takes.get(row.row):
            raise UsageError(f"{row.name} has no video yet: there is no take to choose")
        if choice.use is not None:
            take_numbered(row, takes[row.row], choice.use)
    chosen: list[tuple[TakeRow, int | None]] = [(row, choice.use) for row in rows]
    if choice.marks:
        clips = marked_clips(ledger, choice.marks, ClipMark.KEEP)
        chosen += [(clip.row, clip.looked_at.number) for clip in clips if clip.looked_at]
    return chosen


def _choose(ledger: Ledger, row: TakeRow, number: int | None) -> str:
    """What is shown from now on; empty where nothing has changed."""
    takes = takes_of(ledger, [row.row])[row.row]
    before = next(one.number for one in takes if one.chosen)
    after = takes[-1].number if number is None else number
    choose_take(ledger, row.row, None if number is None or number == takes[-1].number else number)
    return "" if before == after else f"{row.name} shows take {after} of {len(takes)} now"
