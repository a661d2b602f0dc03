"""`redo`: makes another take of rows that have their video; says the price before anything is bought."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from batch.commands.batch import Batch
from batch.commands.marked_clips import MarkedClip, marked_clips, named_rows, shown_names
from batch.core.money import dollars
from batch.core.review_marks import ClipMark
from batch.core.row import RowSelection
from batch.core.states import State
from batch.errors import ManifestError, UsageError
from batch.ledger.enrolment import enrol
from batch.ledger.ledger import Ledger
from batch.ledger.matching import match
from batch.ledger.summary import summarize
from batch.ledger.takes import TakeRow, takes_of
from batch.table import TableChanged


@dataclass(frozen=True, slots=True, kw_only=True)
class Redo:
    """What to make another take of.

    Args:
        command: the arguments that name the batch on a command line.
        named: rows that a person names, with or without a mark.
        marks: the file of a review: what is marked there for a redo, and has no newer take since.
        more: so many takes more of each.
    """

    command: Sequence[str] = ()
    named: RowSelection = field(default_factory=RowSelection)
    marks: Path | None = None
    more: int = 1

    def mark(self, ledger: Ledger, _at: float = 0.0) -> None:
        """Marks them, and nothing else is bought in this run. After `match` and `enrol` on the same connection.

        Raises:
            UsageError: a row is not one to be made again, or there is none; nothing was marked.
        """
        rows = self.rows(ledger)
        ledger.marks.add_takes([one.row for one in rows], self.more)

    def rows(self, ledger: Ledger) -> list[TakeRow]:
        """The rows, each once. Raises as `mark` does."""
        rows = named_rows(ledger, self.named)
        for one in rows:
            if trouble := self._trouble(ledger, one):
                raise UsageError(f"{one.name}: {trouble}")
        if self.marks is not None:
            rows += [clip.row for clip in self._marked(ledger) if not self._passed_over(ledger, clip)]
        if not rows:
            why = (
                f"nothing in {self.marks} is to be made again" if self.marks else "name rows with --id, --row or --from"
            )
            raise UsageError("; ".join([why, *self.notes(ledger)]))
        return list({one.row: one for one in rows}.values())

    def notes(self, ledger: Ledger) -> list[str]:
        """What is marked for a redo and left alone, and why, a line each."""
        if self.marks is None:
            return []
        told = ((clip, self._passed_over(ledger, clip)) for clip in self._marked(ledger))
        return [f"{clip.row.name}: {why}" for clip, why in told if why]

    def _marked(self, ledger: Ledger) -> list[MarkedClip]:
        return marked_clips(ledger, self.marks, ClipMark.REDO) if self.marks else []

    def _passed_over(self, ledger: Ledger, clip: MarkedClip) -> str:
        """A mark says what somebody thought of one take: where there is a newer one, it was done already."""
        newest = max((one.number for one in clip.takes), default=0)
        if clip.looked_at and clip.looked_at.number < newest:
            return (
                f"take {newest} was made after take {clip.looked_at.number}, which was marked: not bought again "
                f"({self._named(clip.row)} buys another one)"
            )
        return self._trouble(ledger, clip.row)

    def _trouble(self, ledger: Ledger, row: TakeRow) -> str:
        """Why no other take can be made of it now, and what to do instead; empty where one can."""
        if row.problem and row.state is State.SUCCEEDED:
            return f"the row cannot be sent as it is ({row.problem}): mend it first"
        has = bool(takes_of(ledger, [row.row]))
        match row.state:
            case State.SUCCEEDED:
                return ""
            case State.PENDING:
                waits = "another take of it waits to be made" if has else "it has no video yet"
                return f"{waits}: `{self._other('run')}` makes it"
            case State.FAILED | State.CANCELLED:
                last = "its last take" if has else "the row"
                return f"{last} {row.state}: `{self._other('rerun')} --row {row.number}` runs it again"
            case State.IN_DOUBT:
                return f"it may have been paid for already: `{self._other('resolve')}` settles that first"
            case _:
                return f"a request of it is under way: `{self._other('run')}` brings it home first"

    def _other(self, command: str) -> str:
        return shlex.join(["kling-batch", command, *self.command])

    def _named(self, row: TakeRow) -> str:
        name = ["--id", row.id] if row.id else ["--row", str(row.number)]
        return shlex.join(["kling-batch", "redo", *self.command, *name])


@dataclass(frozen=True, slots=True)
class Offer:
    """What a redo comes to, before anybody has agreed. Money is in millionths of a dollar."""

    rows: Sequence[TakeRow]
    videos: int
    price: int
    unpriced: int
    notes: Sequence[str]

    def lines(self) -> Iterator[str]:
        """For a person."""
        yield from self.notes
        takes = "another take" if self.videos == len(self.rows) == 1 else f"{self.videos} more takes"
        price = dollars(self.price) if not self.unpriced else "a price that is not known"
        yield f"{takes} of {shown_names(self.rows)} for {price}; what is there is kept"


def offered(batch: Batch, redo: Redo) -> Offer:
    """What the redo would buy, as the table stands now; nothing is changed.

    Raises:
        BatchError: a row is not one to be made again, or the table or its ledger cannot be read.
    """
    if not batch.ledger.exists():
        raise UsageError(f"nothing of {batch.manifest.path} was run yet: `kling-batch run` makes the first takes")
    table = batch.manifest.open()
    with Ledger.read(batch.ledger) as ledger, Ledger.scratch(ledger) as scratch:
        try:
            match(scratch, batch.manifest.plan(table), refuse_foreign=False)
        except TableChanged as error:
            raise ManifestError(f"{error}: try again when that is done") from error
        enrol(scratch, 0.0, new=True)
        notes, rows = redo.notes(scratch), redo.rows(scratch)
        scratch.marks.add_takes([one.row for one in rows], redo.more)
        found = summarize(scratch)
    return Offer(rows, found.to_make, found.to_run_price, found.unpriced, notes)
