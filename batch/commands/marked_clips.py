"""Finds the rows and takes that a person names: by row, by id, or by the marks of a review."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from batch.core.review_marks import ClipMark, ReviewMark, read_marks
from batch.core.row import RowSelection
from batch.core.suggestions import did_you_mean
from batch.core.take import Take
from batch.errors import UsageError
from batch.ledger.ledger import Ledger
from batch.ledger.selection import NEAR, ids_that_begin
from batch.ledger.takes import TakeRow, row_with_id, row_with_number, row_with_request, takes_of


@dataclass(frozen=True, slots=True)
class MarkedClip:
    """A row, and what was marked of it."""

    row: TakeRow
    takes: Sequence[Take]
    """All that it has."""
    mark: ReviewMark
    looked_at: Take | None
    """The take that the mark is about; None: it does not say."""


def named_rows(ledger: Ledger, named: RowSelection) -> list[TakeRow]:
    """Each of them once.

    Raises:
        UsageError: one that the table does not have.
    """
    rows = [_named(row_with_number(ledger, number), f"--row {number}", ledger) for number in named.numbers]
    rows += [_named(row_with_id(ledger, one.strip()), f"--id {one}", ledger, one.strip()) for one in named.ids]
    return list({one.row: one for one in rows}.values())


def _named(found: TakeRow | None, option: str, ledger: Ledger, row_id: str = "") -> TakeRow:
    if found is None:
        near = did_you_mean(row_id, ids_that_begin(ledger, "", NEAR)) if row_id else ""
        raise UsageError(f"{option}: the table has no such row, or it was never run{near}")
    return found


def review_marks(path: Path) -> list[ReviewMark]:
    """What the file holds.

    Raises:
        UsageError: it cannot be read, or something in it cannot be meant.
    """
    try:
        return read_marks(path.read_bytes(), path.name)
    except OSError as error:
        raise UsageError(
            f"--from {path}: it cannot be read ({error.strerror or error}): name the marks' file"
        ) from error


def marked_clips(ledger: Ledger, path: Path, *wanted: ClipMark) -> list[MarkedClip]:
    """The clips of the file that bear one of these marks, in its order; all of its lines are looked at.

    Raises:
        UsageError: the file, a row or a take in it is not what the table has.
    """
    clips: dict[int, MarkedClip] = {}
    for mark in review_marks(path):
        clip = _clip(ledger, mark, f"{path.name}, line {mark.line}")
        if before := clips.get(clip.row.row):
            raise UsageError(
                f"{path.name}, lines {before.mark.line} and {mark.line}: both are about {clip.row.name}: "
                "leave one of them"
            )
        clips[clip.row.row] = clip
    return [clip for clip in clips.values() if clip.mark.mark in wanted]


def _clip(ledger: Ledger, mark: ReviewMark, where: str) -> MarkedClip:
    row = _row(ledger, mark, where)
    takes = takes_of(ledger, [row.row]).get(row.row, [])
    return MarkedClip(row, takes, mark, _looked_at(mark, row, takes, where))


def _row(ledger: Ledger, mark: ReviewMark, where: str) -> TakeRow:
    """By the id where there is one, else by the take that was looked at, else by the number: it may be sorted since."""
    if mark.id:
        if found := row_with_id(ledger, mark.id):
            return found
        near = did_you_mean(mark.id, ids_that_begin(ledger, "", NEAR))
        raise UsageError(
            f"{where}: the table has no row with the id {mark.id!r}{near}: mend the id (a spreadsheet makes 1 of 001), "
            "or remove the line"
        )
    if mark.request_id:
        if found := row_with_request(ledger, mark.request_id):
            return found
        raise UsageError(
            f"{where}: no row of the table has a take by the request {mark.request_id}: it is another table's, or the "
            "row was deleted; remove the line"
        )
    if found := row_with_number(ledger, mark.row or 0):
        return found
    raise UsageError(
        f"{where}: the table has no row {mark.row}: it may have been sorted since; give the id, or remove the line"
    )


def _looked_at(mark: ReviewMark, row: TakeRow, takes: Sequence[Take], where: str) -> Take | None:
    if mark.request_id:
        found = next((one for one in takes if one.request_id == mark.request_id), None)
        if found is None:
            raise UsageError(
                f"{where}: the request {mark.request_id} made no take of {row.name}: the ids may have been swapped "
                "since; look again, or empty the cell"
            )
        if mark.take not in (None, found.number):
            raise UsageError(
                f"{where}: the request {found.request_id} made take {found.number} of {row.name}, not {mark.take}: "
                "empty one of the two cells"
            )
        return found
    if mark.take is None:
        return None
    if found := next((one for one in takes if one.number == mark.take), None):
        return found
    raise UsageError(f"{where}: {row.name} has no take {mark.take}{' yet' if not takes else ''}: {_has(takes)}")


def take_numbered(row: TakeRow, takes: Sequence[Take], number: int) -> Take:
    """The take of that number.

    Raises:
        UsageError: there is none.
    """
    for one in takes:
        if one.number == number:
            return one
    raise UsageError(f"--use {number}: {row.name} has no such take: {_has(takes)}")


def _has(takes: Sequence[Take]) -> str:
    match len(takes):
        case 0:
            return "it has no video"
        case 1:
            return "it has take 1 only"
        case count:
            return f"it has takes 1 to {count}"


def shown_names(rows: Sequence[TakeRow], most: int = 10) -> str:
    """`row 4 (s2), row 7 and 3 more`."""
    names = [one.name for one in rows[:most]]
    return ", ".join(names) + (f" and {len(rows) - most} more" if len(rows) > most else "")
